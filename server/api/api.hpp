// SPDX-License-Identifier: Apache-2.0
#pragma once
// Plain request → response. No Beast, no SQLite: server/http turns sockets into these and these
// into bytes. docs/api.md lists the routes.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "server/catalog/catalog.hpp"
#include "server/config.hpp"
#include "server/jobs/job_runner.hpp"
#include "server/publish/signing_key.hpp"
#include "server/store/store.hpp"
#include "server/uploads/uploads.hpp"

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

// Bytes made while they are sent; http adds and answers the same as for a file. `read` fills all of `out`;
// false means: not yet, ask again in a moment. It is called on the pool's threads, once at a time.
struct RangedBody {
    std::uint64_t size = 0;
    std::string etag;
    bool one_shot = false;
    std::function<bool(std::uint64_t offset, std::span<std::byte> out)> read;
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
    std::optional<FileBody> file;      // instead of body
    std::optional<RangedBody> ranged;  // instead of body
    std::optional<EventBody> events;   // instead of body
    bool not_yet = false;  // nothing to answer yet: http asks again in a moment, and holds no thread until then
};

class Images;

class Api {
public:
    Api(const Config& config, catalog::Catalog& catalog, jobs::JobRunner& jobs, const store::Store& store,
        const publish::SigningKey& key, uploads::Uploads* uploads = nullptr);
    ~Api();
    // Never throws: what goes wrong becomes application/problem+json. Thread-safe, blocking.
    Response handle(const Request& request);

private:
    Response route(const Request& request);
    Response releases(const Request& request) const;
    Response download(const catalog::Artifact& artifact) const;

    const Config& config_;
    catalog::Catalog& catalog_;
    jobs::JobRunner& jobs_;
    const store::Store& store_;
    const publish::SigningKey& key_;
    uploads::Uploads* uploads_;  // may be null: then nothing was uploaded
    std::unique_ptr<Images> images_;
};

}  // namespace server::api
