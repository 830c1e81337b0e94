// SPDX-License-Identifier: Apache-2.0
#include "server/jobs/asked.hpp"

#include "builders/build_plan.hpp"
#include "builders/errors.hpp"
#include "kickstart/parser.hpp"
#include "server/jobs/conversion_request.hpp"
#include "server/publish/produce.hpp"

namespace server::jobs {

namespace json = boost::json;

builders::BuildOptions options_of(const json::object& request) {
    builders::BuildOptions options;
    for (const auto& [key, value] : request.at("options").as_object()) {
        const auto set = [&, name = std::string(key)](const json::value& one) {
            if (const auto wrong = set_option(options, name, json::value_to<std::string>(one)))
                throw builders::StepFailed(*wrong);
        };
        if (value.is_array())
            for (const json::value& one : value.as_array()) set(one);
        else
            set(value);
    }
    return options;
}

publish::Asked asked_of(const catalog::Job& job) {
    const json::value parsed = json::parse(job.request);
    const json::object& request = parsed.as_object();
    const auto date = json::value_to<std::string>(request.at("date"));
    publish::Asked asked;
    if (const json::value* conversion = request.if_contains("conversion")) {
        const ReadConversion read = read_conversion(conversion->as_object());
        asked.release_name = conversion_release(read.request, date);
        asked.title = conversion_title(read.request, "");
        asked.conversion = true;
        for (const formats::OutputKind& kind : read.request.outputs) asked.images.push_back(output_name(kind));
        return asked;
    }
    const builders::BuildPlan plan = plan_build(kickstart::parse(job.recipe).recipe, options_of(request), date).plan;
    asked.release_name = plan.release_name;
    asked.title = plan.title;
    for (const formats::OutputKind& kind : publish::output_kinds(plan.outputs, plan.xxhash, date))
        asked.images.push_back(output_name(kind));
    return asked;
}

}  // namespace server::jobs
