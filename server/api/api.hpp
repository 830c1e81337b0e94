// SPDX-License-Identifier: Apache-2.0
#pragma once
// Plain request → response. No Beast, no SQLite: server/http turns sockets into these and these
// into bytes. docs/api.md lists the routes.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/catalog/catalog.hpp"
#include "server/config.hpp"
#include "server/jobs/job_runner.hpp"
#include "server/publish/signing_key.hpp"
#include "server/store/store.hpp"

namespace server::api {

struct Request {
    std::string method;                                      // "GET"
    std::string path;                                        // decoded, "/v1/builds/1f…"
    std::vector<std::pair<std::string, std::string>> query;  // decoded, in order
    std::map<std::string, std::string> headers;              // names in lower case
    std::string body;
};

// A file to send: http adds Content-Length, ETag, Accept-Ranges and answers Range, If-Range,
// If-None-Match and HEAD.
struct FileBody {
    std::filesystem::path path;
    std::string etag;       // without quotes; strong
    bool one_shot = false;  // XVA rule: 200 for plain GETs, then Connection: close and really close
};

// Server-sent events: http calls `next` with the last sequence sent until it reports the end, and
// sends a comment every 15 s in between.
struct EventBody {
    std::uint64_t after = 0;
    std::function<jobs::JobRunner::Events(std::uint64_t after, unsigned milliseconds)> next;
};

struct Response {
    unsigned status = 200;
    std::vector<std::pair<std::string, std::string>> headers;  // Content-Type and the rest
    std::string body;
    std::optional<FileBody> file;     // instead of body
    std::optional<EventBody> events;  // instead of body
};

class Api {
public:
    Api(const Config& config, catalog::Catalog& catalog, jobs::JobRunner& jobs, const store::Store& store,
        const publish::SigningKey& key);
    // Never throws: what goes wrong becomes application/problem+json. Thread-safe, blocking.
    Response handle(const Request& request);

private:
    Response route(const Request& request);
    Response builds(const Request& request, const std::vector<std::string>& parts);
    Response events(const Request& request, const std::string& id);
    Response releases(const Request& request) const;
    Response download(const catalog::Artifact& artifact) const;

    const Config& config_;
    catalog::Catalog& catalog_;
    jobs::JobRunner& jobs_;
    const store::Store& store_;
    const publish::SigningKey& key_;
};

}  // namespace server::api
