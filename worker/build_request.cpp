// SPDX-License-Identifier: Apache-2.0
#include "worker/build_request.hpp"

#include "builders/job/errors.hpp"
#include "builders/plan/plan_json.hpp"
#include "formats/base/whole_file.hpp"

namespace worker {

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

builders::BuildPlan plan_of(const std::filesystem::path& folder, const json::object& request,
                            const std::string& recipe) {
    const std::filesystem::path file = folder / builders::plan_file;
    if (std::filesystem::exists(file)) {
        try {
            return builders::plan_from_json(formats::read_whole_file(file));
        } catch (const std::exception& error) {
            throw builders::StepFailed(std::string(builders::plan_file) + ": " + error.what());
        }
    }
    builders::PlannedRecipe planned =
        plan_recipe(recipe, options_of(request), json::value_to<std::string>(request.at("date")));
    for (const auto& error : planned.errors())
        throw builders::StepFailed((error.line > 0 ? "line " + std::to_string(error.line) + ": " : "") + error.message);
    return std::move(planned.planned.plan);
}

}  // namespace worker
