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

Answer of_job(const std::string& kind, Response (*answer)(const Call&, const catalog::Job&)) {
    return [kind, answer](const Call& call) {
        const std::optional<catalog::Job> job = call.service.catalog.job(call["id"]);
        if (!job || job->kind != kind) return problem(404, "there is no " + kind + " " + call["id"].substr(0, 64));
        return answer(call, *job);
    };
}

}  // namespace

Answer list_jobs(const std::string& kind) {
    return [kind](const Call& call) { return list_of_jobs(kind, call.request, call.service.catalog); };
}

Answer show_job(const std::string& kind) {
    return of_job(kind, [](const Call& call, const catalog::Job& job) {
        json::object told = to_json(job);
        if (job.state == catalog::JobState::failed)
            told["log_tail"] = json::value_from(worker::last_lines(call.service.jobs.log_file(job.id)));
        return json_response(200, told);
    });
}

Answer cancel_job(const std::string& kind) {
    return of_job(kind, [](const Call& call, const catalog::Job& job) {
        if (!call.service.jobs.cancel(job.id))
            return problem(409, job.kind + " " + job.id + " is at its end: " + std::string(to_string(job.state)));
        return json_response(202, to_json(*call.service.catalog.job(job.id)));
    });
}

Answer job_events(const std::string& kind) {
    return of_job(kind, [](const Call& call, const catalog::Job& job) {
        return events_of(call.request, call.service.jobs, job.id);
    });
}

Answer job_log(const std::string& kind) {
    return of_job(kind, [](const Call& call, const catalog::Job& job) { return log_of(call.service.jobs, job.id); });
}

Response accepted(const std::string& kind, const std::string& id, const json::object& more) {
    json::object told{{"id", id}, {"state", "queued"}, {"links", job_links(kind, id)}};
    for (const auto& [key, value] : more) told[key] = value;
    Response response = json_response(202, told);
    response.headers.emplace_back("Location", "/v1/" + kind + "s/" + id);
    return response;
}

}  // namespace server::api
