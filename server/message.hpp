// SPDX-License-Identifier: Apache-2.0
#pragma once
// What server/http makes of bytes and makes bytes of: a request, a response and the bodies it can have. No Beast, no
// SQLite. A request whose body is too large to be gathered is answered from its head, or its body is received piece
// by piece.
#include <cstddef>
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

#include "server/access/caller.hpp"

namespace server {

// What happened in a job, in order, from 1. Kept in jobs/<id>/events.jsonl, so that a listener can
// come late or come back.
struct Event {
    std::uint64_t sequence = 0;
    std::string type;  // "state", "step", "progress", "log"
    std::string data;  // one JSON object, one line
};

// `ended` tells that the job is at its end and these were the last.
struct Events {
    std::vector<Event> events;
    bool ended = false;
};

struct Request {
    std::string method;                                      // "GET"
    std::string path;                                        // decoded, "/v1/builds/1f…"
    std::vector<std::pair<std::string, std::string>> query;  // decoded, in order
    std::map<std::string, std::string> headers;              // names in lower case
    std::string body;
    access::Caller caller{};  // nobody, until there are tokens
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
    std::function<Events(std::uint64_t after, unsigned milliseconds)> next;
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

// Called on threads of the pool, never two at once. Destroyed without end(): as end(false).
class BodyReceiver {
public:
    virtual ~BodyReceiver() = default;
    // In order. A response means: enough, the rest is not wanted. Never throws. Blocking it slows the client.
    virtual std::optional<Response> write(std::span<const std::byte> bytes) = 0;
    // `whole`: the body came to its end; otherwise the connection broke and the answer reaches nobody. Never throws.
    virtual Response end(bool whole) = 0;
};

struct Opening {
    std::unique_ptr<BodyReceiver> receiver;  // nothing: `response` is the answer
    Response response;
};

}  // namespace server
