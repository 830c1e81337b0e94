// SPDX-License-Identifier: Apache-2.0
#pragma once
// One connection: requests one after another until it closes.
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/thread_pool.hpp>

#include "server/http/listener.hpp"

namespace server::http {

struct Shared {
    const Handler& handler;
    std::string public_url;
    boost::asio::thread_pool& pool;
};

boost::asio::awaitable<void> run_session(boost::asio::ip::tcp::socket socket, const Shared& shared);

}  // namespace server::http
