// SPDX-License-Identifier: Apache-2.0
#include "server/http/listener.hpp"

#include <spdlog/spdlog.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <thread>
#include <vector>

#include "server/http/guard.hpp"
#include "server/http/refusal.hpp"
#include "server/http/session.hpp"

namespace server::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;
using Strand = asio::strand<asio::io_context::executor_type>;

constexpr int threads = 4;

Connections::Limits limits_of(const Listening& listening) {
    Connections::Limits limits{listening.connections, listening.connections_per_address, {}};
    for (const std::string& proxy : listening.proxies) {
        error_code error;
        limits.proxies.push_back(asio::ip::make_address(proxy, error));
        if (error) throw std::invalid_argument("the proxy '" + proxy + "' is not an IP address");
    }
    return limits;
}

class Listener {
public:
    Listener(asio::io_context& context, const Listening& listening, const Shared& shared)
        : context_(context),
          listening_(listening),
          shared_(shared),
          strand_(asio::make_strand(context)),
          acceptor_(strand_),
          signals_(strand_, SIGINT, SIGTERM),
          limit_(strand_) {
        const asio::ip::tcp::endpoint endpoint(asio::ip::make_address(listening.address), listening.port);
        try {
            acceptor_.open(endpoint.protocol());
            acceptor_.set_option(asio::socket_base::reuse_address(true));
            acceptor_.bind(endpoint);
            acceptor_.listen();
        } catch (const boost::system::system_error& error) {
            throw std::system_error(
                error.code(), "cannot listen on " + listening.address + " port " + std::to_string(listening.port));
        }
        wait_for_signal();
        asio::co_spawn(strand_, accept_all(), asio::detached);
    }

    std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

private:
    asio::awaitable<void> accept_all() {
        while (acceptor_.is_open()) {
            error_code error;
            // Only when somebody waits: without files to have, accept() fails before it looks whether there is anybody.
            co_await acceptor_.async_wait(asio::ip::tcp::acceptor::wait_read,
                                          asio::redirect_error(asio::use_awaitable, error));
            if (!acceptor_.is_open()) co_return;
            asio::ip::tcp::socket socket(asio::make_strand(context_));
            co_await acceptor_.async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
            if (!error) {
                welcome(std::move(socket));
                continue;
            }
            if (!acceptor_.is_open()) co_return;
            // Out of files, most likely: make room, and wait until it is made, or for somebody to go, instead of
            // spinning.
            const bool closing = shared_.connections.close_idlest();
            asio::steady_timer timer(strand_, std::chrono::milliseconds(closing ? 5 : 100));
            co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
        }
    }

    void welcome(asio::ip::tcp::socket socket) {
        error_code error;
        const asio::ip::tcp::endpoint peer = socket.remote_endpoint(error);
        if (error) return;  // gone again
        const auto executor = socket.get_executor();
        auto stream = std::make_shared<beast::tcp_stream>(std::move(socket));
        auto place = shared_.connections.admit(peer.address(), [executor, gone = std::weak_ptr(stream)] {
            asio::post(executor, [gone] {
                if (const auto stream = gone.lock()) stream->close();
            });
        });
        if (place)
            asio::co_spawn(executor, run_session(std::move(stream), std::move(place), shared_), asio::detached);
        else
            refuse(std::move(stream), refusing_);
    }

    void wait_for_signal() {
        signals_.async_wait([this](error_code error, int) {
            if (error) return;
            if (!acceptor_.is_open()) return end();
            wait_for_signal();
            stop();
        });
    }

    void stop() {
        error_code ignored;
        acceptor_.close(ignored);
        spdlog::info("stopping: requests at work: {}; they have {} s to end", shared_.connections.working(),
                     listening_.stop_seconds);
        if (listening_.stopping) listening_.stopping();
        limit_.expires_after(std::chrono::seconds(listening_.stop_seconds));
        limit_.async_wait([this](error_code error) {
            if (!error) end();
        });
        shared_.connections.stop([this] { context_.stop(); });
    }

    void end() {
        spdlog::warn("stopping: requests cut off: {}", shared_.connections.working());
        context_.stop();
    }

    asio::io_context& context_;
    const Listening& listening_;
    const Shared& shared_;
    Strand strand_;  // of all below
    asio::ip::tcp::acceptor acceptor_;
    asio::signal_set signals_;
    asio::steady_timer limit_;
    std::shared_ptr<std::atomic<int>> refusing_ = std::make_shared<std::atomic<int>>(0);
};

}  // namespace

void listen_and_serve(const Listening& listening, const Handler& handler,
                      const std::function<void(std::uint16_t)>& ready) {
    require_loopback(listening.address);
    Connections connections(limits_of(listening));
    asio::io_context context(threads);
    asio::thread_pool pool(threads);
    const Shared shared{handler, listening.public_url, pool, connections};
    Listener listener(context, listening, shared);
    ready(listener.port());
    std::vector<std::jthread> runners;
    for (int i = 1; i < threads; ++i) runners.emplace_back([&] { context.run(); });
    context.run();
    runners.clear();
    connections.stop({});  // the listener goes before the last coroutine does
    pool.join();
}

}  // namespace server::http
