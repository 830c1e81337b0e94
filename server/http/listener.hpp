// SPDX-License-Identifier: Apache-2.0
#pragma once
// The service's sockets. One coroutine per connection on its own strand; a request is handled, blocking, on
// a thread of a pool. Streams of events poll with a timer, so that any number of listeners holds no thread.
//
// SIGINT or SIGTERM: nobody is accepted any more, connections that wait for a request are closed, streams of events
// end, and answers that are being sent, or bodies received, have `stop_seconds` to end. The next signal ends them at
// once.
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "server/message.hpp"

namespace server::http {

struct Handler {
    std::function<Response(const Request&)> handle;
    // Whether the body is for `open` instead of being gathered. `target` as it came.
    std::function<bool(std::string_view method, std::string_view target)> streams;
    std::function<Opening(const Request& head)> open;
};

struct Listening {
    std::string address;
    std::uint16_t port = 0;  // 0: any free one
    std::string public_url;  // empty: http://ADDRESS:PORT
    std::size_t connections = 4096, connections_per_address = 256;
    std::vector<std::string> proxies;  // IP addresses that are many clients
    std::uint64_t stop_seconds = 30;
    std::function<void()> stopping;  // called once, when the first signal comes; may be empty
};

// Serves until SIGINT or SIGTERM. `ready` is called once with the port that is listened on.
// Throws std::system_error when the address cannot be had, std::invalid_argument when a proxy is no address.
void listen_and_serve(const Listening& listening, const Handler& handler,
                      const std::function<void(std::uint16_t)>& ready);

}  // namespace server::http
