// SPDX-License-Identifier: Apache-2.0
#include "formats/base/text.hpp"

#include <spdlog/spdlog.h>

#include <map>
#include <system_error>

#include "builders/job/errors.hpp"
#include "server/api/error_response.hpp"
#include "server/api/json_text.hpp"
#include "server/jobs/job_runner.hpp"
#include "server/uploads/upload_folder.hpp"

namespace server::api {

namespace json = boost::json;

Response problem(unsigned status, const std::string& detail, json::object more) {
    static const std::map<unsigned, const char*> titles{{400, "Bad request"},
                                                        {401, "Not authorized"},
                                                        {403, "Forbidden"},
                                                        {404, "Not found"},
                                                        {405, "Method not allowed"},
                                                        {409, "Conflict"},
                                                        {410, "Gone"},
                                                        {411, "Length required"},
                                                        {412, "Precondition failed"},
                                                        {413, "Too large"},
                                                        {415, "Unsupported media type"},
                                                        {416, "Range not satisfiable"},
                                                        {422, "The request cannot be carried out"},
                                                        {423, "Locked"},
                                                        {429, "Too many jobs wait"},
                                                        {431, "Headers too large"},
                                                        {460, "Checksum mismatch"},
                                                        {500, "Internal error"},
                                                        {503, "Not ready"},
                                                        {505, "HTTP version not supported"},
                                                        {507, "Not enough space"}};
    const auto title = titles.find(status);
    json::object body{{"type", "about:blank"},
                      {"title", title == titles.end() ? "Error" : title->second},
                      {"status", status},
                      {"detail", detail}};
    for (auto& [key, value] : more) body[key] = value;
    Response response;
    response.status = status;
    response.headers = {{"Content-Type", "application/problem+json"}, {"Cache-Control", "no-store"}};
    response.body = formats::valid_utf8(json::serialize(body)) + "\n";
    return response;
}

namespace {

unsigned status_of(uploads::UploadRefused::Reason reason) {
    using Reason = uploads::UploadRefused::Reason;
    switch (reason) {
        case Reason::unknown:
            return 404;
        case Reason::expired:
            return 410;
        case Reason::busy:
            return 423;
        case Reason::other_offset:
            return 409;
        case Reason::too_large:
            return 413;
        case Reason::too_many:
        case Reason::no_space:
            return 507;
    }
    return 500;
}

}  // namespace

Response problem_of(const std::exception& error) {
    if (const auto* refused = dynamic_cast<const uploads::UploadRefused*>(&error))
        return problem(status_of(refused->reason), refused->what());
    if (const auto* failed = dynamic_cast<const std::system_error*>(&error);
        failed && failed->code() == std::errc::no_space_on_device)
        return problem(507, failed->code().message());
    if (dynamic_cast<const builders::NoSpace*>(&error)) return problem(507, error.what());
    if (const auto* full = dynamic_cast<const jobs::QueueFull*>(&error)) {
        Response response =
            problem(429, full->what(),
                    {{"queued", full->queued}, {"queued_limit", full->most}, {"retry_after", full->retry_after}});
        response.headers.emplace_back("Retry-After", std::to_string(full->retry_after));
        return response;
    }
    if (dynamic_cast<const builders::HostNotReady*>(&error)) return problem(503, error.what());
    if (dynamic_cast<const std::invalid_argument*>(&error)) return problem(400, error.what());
    spdlog::error("a request failed: {}", error.what());
    return problem(500, "something went wrong inside the service; its log says what");
}

}  // namespace server::api
