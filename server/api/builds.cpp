// SPDX-License-Identifier: Apache-2.0
#include "formats/base/text.hpp"

#include <boost/json.hpp>

#include "builders/plan/plan_json.hpp"
#include "server/api/builds.hpp"
#include "server/api/error_response.hpp"
#include "server/api/job_routes.hpp"
#include "server/api/json_text.hpp"
#include "server/api/recipes.hpp"
#include "server/api/responses.hpp"
#include "server/clock.hpp"

namespace server::api {
namespace {

namespace json = boost::json;

// A recipe with the options of its request, from either of the two bodies.
struct Asked {
    std::string recipe;
    std::vector<std::pair<std::string, std::string>> options;
};

void add_json_options(Asked& asked, const json::value& options) {
    if (!options.is_object()) throw std::invalid_argument("options is not an object");
    for (const auto& [key, value] : options.as_object()) {
        const auto add = [&, name = std::string(key)](const json::value& one) {
            if (one.is_string())
                asked.options.emplace_back(name, json::value_to<std::string>(one));
            else if (one.is_int64() || one.is_uint64())
                asked.options.emplace_back(name, json::serialize(one));
            else
                throw std::invalid_argument("options." + name + " is neither text nor a whole number");
        };
        if (value.is_array())
            for (const json::value& one : value.as_array()) add(one);
        else
            add(value);
    }
}

// {"name": "web", "version": 3}: a stored recipe; without a version the newest.
std::string stored_recipe(const json::object& reference, catalog::Catalog& catalog) {
    const json::value* name = reference.if_contains("name");
    const json::value* version = reference.if_contains("version");
    for (const auto& [key, value] : reference)
        if (key != "name" && key != "version")
            throw std::invalid_argument("recipe has \"" + std::string(key) + "\"; it may have name and version");
    if (!name || !name->is_string()) throw std::invalid_argument("recipe has no text \"name\"");
    if (version && (!version->is_int64() || version->as_int64() < 1 || version->as_int64() > most_versions))
        throw std::invalid_argument("recipe.version is not a number from 1 to " + std::to_string(most_versions));
    return recipe_named(json::value_to<std::string>(*name), version ? static_cast<int>(version->as_int64()) : 0,
                        catalog)
        .text;
}

Asked read_body(const Request& request, const std::string& type, catalog::Catalog& catalog) {
    Asked asked;
    if (type == "application/json") {
        json::error_code error;
        const json::value body = json::parse(request.body, error);
        if (error || !body.is_object())
            throw std::invalid_argument("the body is not a JSON object" + (error ? ": " + error.message() : ""));
        const json::value* recipe = body.as_object().if_contains("recipe");
        if (recipe && recipe->is_object())
            asked.recipe = stored_recipe(recipe->as_object(), catalog);
        else if (!recipe || !recipe->is_string())
            throw std::invalid_argument("the body has no text \"recipe\"");
        else
            asked.recipe = json::value_to<std::string>(*recipe);
        if (const json::value* options = body.as_object().if_contains("options")) add_json_options(asked, *options);
        for (const auto& [key, value] : body.as_object())
            if (key != "recipe" && key != "options")
                throw std::invalid_argument("the body has \"" + std::string(key) +
                                            "\"; it may have recipe and options");
    } else {
        asked.recipe = request.body;
    }
    asked.options.insert(asked.options.end(), request.query.begin(), request.query.end());
    return asked;
}

json::object error_json(int line, int column, const std::string& reason) {
    json::object object{{"reason", reason}};
    if (line > 0) object["line"] = line;
    if (column > 0) object["column"] = column;
    return object;
}

}  // namespace

Response submit_build(const Call& call) {
    const Request& request = call.request;
    const std::string type = media_type(request);
    if (type != "text/x-kickstart" && type != "application/json" && type != "text/plain")
        return problem(415,
                       "send the recipe as text/x-kickstart with options in the query, or as application/json "
                       "{\"recipe\", \"options\"}; got '" +
                           type + "'");
    const Asked asked = read_body(request, type, call.service.catalog);
    json::array errors, notes;
    if (const int line = formats::line_not_utf8(asked.recipe); line > 0)
        errors.push_back(error_json(line, 0, "this line is not UTF-8 text"));
    builders::BuildOptions options;
    json::object kept;
    for (const auto& [key, value] : asked.options) {
        if (formats::line_not_utf8(key + value) > 0)
            errors.push_back(error_json(0, 0, "the option '" + key + "' is not UTF-8 text"));
        else if (const auto wrong = set_option(options, key, value))
            errors.push_back(error_json(0, 0, *wrong));
        json::value& slot = kept[key];
        if (slot.is_null()) slot = json::array();
        slot.as_array().push_back(json::string(value));
    }
    const builders::PlannedRecipe result = plan_recipe(asked.recipe, options, today());
    for (const auto& diagnostic : result.read.diagnostics)
        if (diagnostic.severity != kickstart::Severity::error)
            notes.push_back({{"line", diagnostic.line}, {"message", diagnostic.message}});
    for (const auto& error : result.errors()) errors.push_back(error_json(error.line, error.column, error.message));
    const builders::BuildPlan& plan = result.planned.plan;
    if (const auto why = forbidden(plan, call.service.config.host))
        errors.push_back(error_json(why->line, 0, why->message));
    if (!errors.empty())
        return problem(422,
                       "the recipe has " + std::to_string(errors.size()) + (errors.size() == 1 ? " error" : " errors") +
                           "; nothing was started",
                       {{"errors", errors}});
    for (const builders::Note& note : plan.notes) notes.push_back({{"line", note.line}, {"message", note.message}});
    const std::string id = call.service.jobs.submit(
        {.recipe = asked.recipe, .request = json::serialize(kept), .plan = builders::private_json(plan)});
    return accepted("build", id, {{"notes", notes}});
}

}  // namespace server::api
