// SPDX-License-Identifier: Apache-2.0
#include "server/jobs/asked.hpp"

#include "worker/build_request.hpp"
#include "worker/conversion_request.hpp"

namespace server::jobs {

namespace json = boost::json;

worker::Asked asked_of(const catalog::Job& job, const std::filesystem::path& job_folder) {
    const json::value parsed = json::parse(job.request);
    const json::object& request = parsed.as_object();
    const auto date = json::value_to<std::string>(request.at("date"));
    worker::Asked asked;
    if (const json::value* conversion = request.if_contains("conversion")) {
        const worker::ReadConversion read = worker::read_conversion(conversion->as_object());
        asked.release_name = worker::conversion_release(read.request, date);
        asked.title = worker::conversion_title(read.request, "");
        asked.conversion = true;
        for (const formats::OutputKind& kind : read.request.outputs) asked.images.push_back(output_name(kind));
        return asked;
    }
    const builders::BuildPlan plan = worker::plan_of(job_folder, request, job.recipe);
    asked.release_name = plan.release_name;
    asked.title = plan.title;
    for (const formats::OutputKind& kind : plan.outputs) asked.images.push_back(output_name(kind));
    return asked;
}

}  // namespace server::jobs
