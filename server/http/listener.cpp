// SPDX-License-Identifier: Apache-2.0
#include "server/http/listener.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <thread>
#include <vector>

#include "server/http/guard.hpp"
#include "server/http/session.hpp"

namespace server::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr int threads = 4;

asio::awaitable<void> accept_all(asio::ip::tcp::acceptor& acceptor, asio::io_context& context, const Shared& shared) {
    for (;;) {
        error_code error;
        asio::ip::tcp::socket socket(asio::make_strand(context));
        co_await acceptor.async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
        if (error == asio::error::operation_aborted) co_return;
        if (error) {  // out of descriptors, most likely: wait instead of spinning
            asio::steady_timer timer(context, std::chrono::milliseconds(100));
            co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
            continue;
        }
        const auto executor = socket.get_executor();
        asio::co_spawn(executor, run_session(std::move(socket), shared), asio::detached);
    }
}

}  // namespace

void listen_and_serve(const Listening& listening, const Handler& handler,
                      const std::function<void(std::uint16_t)>& ready) {
    require_loopback(listening.address);
    asio::io_context context(threads);
    asio::thread_pool pool(threads);
    asio::ip::tcp::acceptor acceptor(context);
    const asio::ip::tcp::endpoint endpoint(asio::ip::make_address(listening.address), listening.port);
    try {
        acceptor.open(endpoint.protocol());
        acceptor.set_option(asio::socket_base::reuse_address(true));
        acceptor.bind(endpoint);
        acceptor.listen();
    } catch (const boost::system::system_error& error) {
        throw std::system_error(error.code(),
                                "cannot listen on " + listening.address + " port " + std::to_string(listening.port));
    }
    const std::uint16_t port = acceptor.local_endpoint().port();
    const Shared shared{handler, listening.public_url, pool};
    asio::signal_set signals(context, SIGINT, SIGTERM);
    signals.async_wait([&](error_code error, int) {
        if (!error) context.stop();
    });
    asio::co_spawn(context, accept_all(acceptor, context, shared), asio::detached);
    ready(port);
    std::vector<std::jthread> runners;
    for (int i = 1; i < threads; ++i) runners.emplace_back([&] { context.run(); });
    context.run();
    runners.clear();
    pool.join();
}

}  // namespace server::http
