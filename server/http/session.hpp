// SPDX-License-Identifier: Apache-2.0
#pragma once
// One connection: requests one after another until it closes.
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <memory>

#include "server/http/connections.hpp"
#include "server/http/listener.hpp"

namespace server::http {

struct Shared {
    const Handler& handler;
    std::string public_url;
    boost::asio::thread_pool& pool;
    Connections& connections;
};

// Only this coroutine and what is posted to the stream's executor touch the stream.
boost::asio::awaitable<void> run_session(std::shared_ptr<boost::beast::tcp_stream> stream,
                                         std::shared_ptr<Connections::Place> place, const Shared& shared);

}  // namespace server::http
