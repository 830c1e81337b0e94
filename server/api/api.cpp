// SPDX-License-Identifier: Apache-2.0
#include "server/api/api.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "builders/build_plan.hpp"
#include "kickstart/parser.hpp"
#include "server/api/catalog_page.hpp"
#include "server/api/error_response.hpp"
#include "server/api/json_text.hpp"
#include "server/api/lint.hpp"
#include "server/api/recipes.hpp"
#include "server/api/responses.hpp"
#include "server/clock.hpp"
#include "server/jobs/last_lines.hpp"
#include "server/publish/public_recipe.hpp"

namespace server::api {
namespace {

namespace json = boost::json;
using Parts = std::vector<std::string>;

Parts split_path(const std::string& path) {
    Parts parts;
    for (std::size_t begin = 1; begin <= path.size();) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        parts.push_back(path.substr(begin, end - begin));
        begin = end + 1;
    }
    if (!parts.empty() && parts.back().empty()) parts.pop_back();
    return parts;
}

std::size_t limit_of(const Request& request) {
    const std::string text = query_value(request, "limit");
    if (text.empty()) return page_size;
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > most_per_page)
        throw std::invalid_argument("limit: '" + text + "' is not a number from 1 to " + std::to_string(most_per_page));
    return value;
}

std::string media_type(const Request& request) {
    const auto found = request.headers.find("content-type");
    std::string type = found == request.headers.end() ? "" : found->second.substr(0, found->second.find(';'));
    while (type.ends_with(' ')) type.pop_back();
    std::transform(type.begin(), type.end(), type.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return type;
}

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

Response submit(const Request& request, jobs::JobRunner& jobs, catalog::Catalog& catalog,
                const builders::BuildHost& host) {
    const std::string type = media_type(request);
    if (type != "text/x-kickstart" && type != "application/json" && type != "text/plain")
        return problem(415,
                       "send the recipe as text/x-kickstart with options in the query, or as application/json "
                       "{\"recipe\", \"options\"}; got '" +
                           type + "'");
    const Asked asked = read_body(request, type, catalog);
    json::array errors, notes;
    if (const int line = line_not_utf8(asked.recipe); line > 0)
        errors.push_back(error_json(line, 0, "this line is not UTF-8 text"));
    builders::BuildOptions options;
    json::object kept;
    for (const auto& [key, value] : asked.options) {
        if (line_not_utf8(key + value) > 0)
            errors.push_back(error_json(0, 0, "the option '" + key + "' is not UTF-8 text"));
        else if (const auto wrong = set_option(options, key, value))
            errors.push_back(error_json(0, 0, *wrong));
        json::value& slot = kept[key];
        if (slot.is_null()) slot = json::array();
        slot.as_array().push_back(json::string(value));
    }
    const kickstart::ParseResult parsed = kickstart::parse(asked.recipe);
    for (const auto& diagnostic : parsed.diagnostics)
        if (diagnostic.severity == kickstart::Severity::error)
            errors.push_back(error_json(diagnostic.line, diagnostic.column, diagnostic.message));
        else
            notes.push_back({{"line", diagnostic.line}, {"message", diagnostic.message}});
    const auto planned = plan_build(parsed.recipe, options, today());
    for (const auto& error : planned.errors) errors.push_back(error_json(error.line, error.column, error.message));
    if (const auto why = forbidden(planned.plan, host)) errors.push_back(error_json(why->line, 0, why->message));
    if (!errors.empty())
        return problem(422,
                       "the recipe has " + std::to_string(errors.size()) + (errors.size() == 1 ? " error" : " errors") +
                           "; nothing was started",
                       {{"errors", errors}});
    for (const builders::Note& note : planned.plan.notes)
        notes.push_back({{"line", note.line}, {"message", note.message}});
    const std::string id = jobs.submit({asked.recipe, json::serialize(kept)});
    Response response = json_response(202, json::object{{"id", id},
                                                        {"state", "queued"},
                                                        {"release", planned.plan.release_name},
                                                        {"notes", notes},
                                                        {"links",
                                                         {{"self", "/v1/builds/" + id},
                                                          {"log", "/v1/builds/" + id + "/log"},
                                                          {"events", "/v1/builds/" + id + "/events"}}}});
    response.headers.emplace_back("Location", "/v1/builds/" + id);
    return response;
}

std::string content_type(const std::string& file_name) {
    const auto ends = [&](const char* ending) { return file_name.ends_with(ending); };
    if (ends(".xz")) return "application/x-xz";
    if (ends(".gz")) return "application/gzip";
    if (ends(".zst")) return "application/zstd";
    if (ends(".xml")) return "application/xml";
    if (ends(".ks")) return "text/plain; charset=utf-8";
    if (ends(".json")) return "application/json";
    if (ends("SUMS") || ends(".txt") || ends(".cfg")) return "text/plain; charset=utf-8";
    return "application/octet-stream";
}

}  // namespace

Api::Api(const Config& config, catalog::Catalog& catalog, jobs::JobRunner& jobs, const store::Store& store,
         const publish::SigningKey& key)
    : config_(config), catalog_(catalog), jobs_(jobs), store_(store), key_(key) {}

Response Api::handle(const Request& request) {
    try {
        return route(request);
    } catch (const std::exception& error) {
        return problem_of(error);
    }
}

Response Api::route(const Request& request) {
    const Parts parts = split_path(request.path);
    const auto is = [&](std::size_t index, const char* text) { return parts.size() > index && parts[index] == text; };
    if (is(0, "v1") && is(1, "builds")) return builds(request, parts);
    if (parts.size() == 3 && is(0, "v1") && is(1, "kickstart") && is(2, "lint"))
        return request.method == "POST" ? lint(request) : not_allowed(request.method, "POST");
    if (is(0, "v1") && is(1, "recipes")) return recipes(request, parts, catalog_);
    if (is(0, "recipes") && parts.size() > 1) return recipe_files(request, parts, catalog_, key_, config_);
    if (!reads(request)) {
        const bool known =
            parts.empty() || is(0, "healthz") || is(0, "v1") || is(0, "download") || is(0, "keys") || is(0, "releases");
        return known ? not_allowed(request.method, "GET, HEAD") : problem(404, "there is nothing at " + request.path);
    }
    if (parts.empty()) {
        const std::vector<catalog::Release> found = catalog_.releases(page_size, query_value(request, "before"));
        return catalog_page(found, found.size() == page_size ? "/?before=" + found.back().name : "",
                            catalog_.recipes(page_size), key_, config_);
    }
    if (parts.size() == 1 && is(0, "healthz"))
        return json_response(200, json::object{{"service", "xenkiln"}, {"status", "ok"}});
    if (parts.size() == 2 && is(0, "keys") && is(1, "signing.pem")) {
        Response response;
        response.headers = {{"Content-Type", "application/x-pem-file"}};
        response.body = key_.public_pem();
        return response;
    }
    if (parts.size() == 2 && is(0, "releases"))
        if (const auto release = catalog_.release(parts[1])) {
            const auto job = catalog_.job(release->build);
            return release_page(*release, job ? publish::public_recipe(job->recipe) : "", key_, config_);
        }
    if (parts.size() == 2 && is(0, "v1") && is(1, "releases")) return releases(request);
    if (parts.size() == 3 && is(0, "v1") && is(1, "releases"))
        if (const auto release = catalog_.release(parts[2])) return json_response(200, to_json(*release));
    if (parts.size() == 3 && is(0, "v1") && is(1, "artifacts"))
        if (const auto artifact = catalog_.artifact(parts[2])) return json_response(200, to_json(*artifact));
    if (parts.size() == 3 && is(0, "download"))
        if (const auto artifact = catalog_.file(parts[1], parts[2])) return download(*artifact);
    return problem(404, "there is nothing at " + request.path);
}

Response Api::download(const catalog::Artifact& artifact) const {
    Response response;
    response.file = FileBody{store_.path(artifact.sha256), artifact.sha256, artifact.format.starts_with("xva")};
    response.headers = {{"Content-Type", content_type(artifact.file_name)},
                        {"Content-Disposition", "attachment; filename=\"" + artifact.file_name + "\""},
                        {"Cache-Control", "public, no-cache"}};
    return response;
}

Response Api::releases(const Request& request) const {
    json::array list;
    const std::size_t limit = limit_of(request);
    const std::vector<catalog::Release> found = catalog_.releases(limit, query_value(request, "before"));
    for (const catalog::Release& release : found) {
        json::object object = to_json(release);
        object.erase("details");
        list.push_back(object);
    }
    Response response = json_response(200, json::object{{"releases", list}});
    if (found.size() == limit)
        response.headers.emplace_back("Link", "</v1/releases?limit=" + std::to_string(limit) +
                                                  "&before=" + found.back().name + ">; rel=\"next\"");
    return response;
}

Response Api::builds(const Request& request, const std::vector<std::string>& parts) {
    if (parts.size() == 2) {
        if (request.method == "POST") return submit(request, jobs_, catalog_, config_.host);
        if (!reads(request)) return not_allowed(request.method, "GET, HEAD, POST");
        json::array list;
        const std::size_t limit = limit_of(request);
        const std::vector<catalog::Job> found = catalog_.jobs(limit, query_value(request, "before"));
        for (const catalog::Job& job : found) list.push_back(to_json(job));
        Response response = json_response(200, json::object{{"builds", list}});
        if (found.size() == limit)
            response.headers.emplace_back("Link", "</v1/builds?limit=" + std::to_string(limit) +
                                                      "&before=" + found.back().id + ">; rel=\"next\"");
        return response;
    }
    const std::optional<catalog::Job> job = catalog_.job(parts[2]);
    if (!job) return problem(404, "there is no build " + parts[2].substr(0, 64));
    if (parts.size() == 3) {
        if (request.method == "DELETE") {
            if (!jobs_.cancel(job->id))
                return problem(409, "build " + job->id + " is at its end: " + std::string(to_string(job->state)));
            return json_response(202, to_json(*catalog_.job(job->id)));
        }
        if (!reads(request)) return not_allowed(request.method, "GET, HEAD, DELETE");
        json::object told = to_json(*job);
        if (job->state == catalog::JobState::failed)
            told["log_tail"] = json::value_from(jobs::last_lines(jobs_.log_file(job->id)));
        return json_response(200, told);
    }
    if (!reads(request)) return not_allowed(request.method, "GET, HEAD");
    if (parts.size() == 4 && parts[3] == "log") {
        Response response;
        response.headers = {{"Content-Type", "text/plain; charset=utf-8"}, {"Cache-Control", "no-store"}};
        if (const std::filesystem::path file = jobs_.log_file(job->id); std::filesystem::exists(file))
            response.file = FileBody{file, {}, false};
        return response;
    }
    if (parts.size() == 4 && parts[3] == "events") return events(request, job->id);
    return problem(404, "there is nothing at " + request.path);
}

Response Api::events(const Request& request, const std::string& id) {
    EventBody body;
    if (const auto last = request.headers.find("last-event-id"); last != request.headers.end()) {
        const std::string& text = last->second;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), body.after);
        if (error != std::errc() || end != text.data() + text.size())
            return problem(400, "Last-Event-ID: '" + text.substr(0, 40) + "' is not a number");
    }
    body.next = [this, id](std::uint64_t after, unsigned milliseconds) {
        return jobs_.events(id, after, milliseconds);
    };
    Response response;
    response.headers = {{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}};
    response.events = body;
    return response;
}

}  // namespace server::api
