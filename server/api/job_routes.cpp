// SPDX-License-Identifier: Apache-2.0
#include "server/api/job_routes.hpp"

#include <charconv>
#include <filesystem>

#include "server/api/error_response.hpp"
#include "server/api/json_text.hpp"
#include "server/api/responses.hpp"
#include "worker/last_lines.hpp"

namespace server::api {
namespace {

namespace json = boost::json;

Response list_of_jobs(const std::string& kind, const Request& request, catalog::Catalog& catalog) {
    json::array list;
    const std::size_t limit = limit_of(request);
    const std::vector<catalog::Job> found = catalog.jobs(kind, limit, query_value(request, "before"));
    for (const catalog::Job& job : found) list.push_back(to_json(job));
    Response response = json_response(200, json::object{{kind + "s", list}});
    if (found.size() == limit)
        response.headers.emplace_back("Link", "</v1/" + kind + "s?limit=" + std::to_string(limit) +
                                                  "&before=" + found.back().id + ">; rel=\"next\"");
    return response;
}

Response log_of(jobs::JobRunner& jobs, const std::string& id) {
    Response response;
    response.headers = {{"Content-Type", "text/plain; charset=utf-8"}, {"Cache-Control", "no-store"}};
    if (const std::filesystem::path file = jobs.log_file(id); std::filesystem::exists(file))
        response.file = FileBody{file, {}, false};
    return response;
}

Response events_of(const Request& request, jobs::JobRunner& jobs, const std::string& id) {
    EventBody body;
    if (const auto last = request.headers.find("last-event-id"); last != request.headers.end()) {
        const std::string& text = last->second;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), body.after);
        if (error != std::errc() || end != text.data() + text.size())
            return problem(400, "Last-Event-ID: '" + text.substr(0, 40) + "' is not a number");
    }
    body.next = [&jobs, id](std::uint64_t after, unsigned milliseconds) {
        return jobs.events(id, after, milliseconds);
    };
    Response response;
    response.headers = {{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}};
    response.events = body;
    return response;
}

}  // namespace

Response job_routes(const std::string& kind, const Request& request, const std::vector<std::string>& parts,
                    jobs::JobRunner& jobs, catalog::Catalog& catalog) {
    if (parts.size() == 2)
        return reads(request) ? list_of_jobs(kind, request, catalog) : not_allowed(request.method, "GET, HEAD, POST");
    const std::optional<catalog::Job> job = catalog.job(parts[2]);
    if (!job || job->kind != kind) return problem(404, "there is no " + kind + " " + parts[2].substr(0, 64));
    if (parts.size() == 3) {
        if (request.method == "DELETE") {
            if (!jobs.cancel(job->id))
                return problem(409, kind + " " + job->id + " is at its end: " + std::string(to_string(job->state)));
            return json_response(202, to_json(*catalog.job(job->id)));
        }
        if (!reads(request)) return not_allowed(request.method, "GET, HEAD, DELETE");
        json::object told = to_json(*job);
        if (job->state == catalog::JobState::failed)
            told["log_tail"] = json::value_from(worker::last_lines(jobs.log_file(job->id)));
        return json_response(200, told);
    }
    if (!reads(request)) return not_allowed(request.method, "GET, HEAD");
    if (parts.size() == 4 && parts[3] == "log") return log_of(jobs, job->id);
    if (parts.size() == 4 && parts[3] == "events") return events_of(request, jobs, job->id);
    return problem(404, "there is nothing at " + request.path);
}

Response accepted(const std::string& kind, const std::string& id, const json::object& more) {
    json::object told{{"id", id}, {"state", "queued"}, {"links", job_links(kind, id)}};
    for (const auto& [key, value] : more) told[key] = value;
    Response response = json_response(202, told);
    response.headers.emplace_back("Location", "/v1/" + kind + "s/" + id);
    return response;
}

}  // namespace server::api
