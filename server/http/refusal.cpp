// SPDX-License-Identifier: Apache-2.0
#include "server/http/refusal.hpp"

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "server/api/error_response.hpp"

namespace server::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using namespace std::chrono_literals;

constexpr int most = 32;
constexpr std::size_t linger_bytes = 64 * 1024;

const std::string& text() {
    static const std::string text = [] {
        const std::string body =
            api::problem(503, "as many connections are open as may be, and all are at work; come back in a moment")
                .body;
        return "HTTP/1.1 503 Service Unavailable\r\nServer: xenkiln\r\nContent-Type: application/problem+json\r\n"
               "Cache-Control: no-store\r\nRetry-After: 5\r\nConnection: close\r\nContent-Length: " +
               std::to_string(body.size()) + "\r\n\r\n" + body;
    }();
    return text;
}

asio::awaitable<void> tell(std::shared_ptr<beast::tcp_stream> stream, std::shared_ptr<std::atomic<int>> refusing) {
    boost::system::error_code error;
    stream->expires_after(1s);
    co_await asio::async_write(*stream, asio::buffer(text()), asio::redirect_error(asio::use_awaitable, error));
    if (!error) stream->socket().shutdown(asio::ip::tcp::socket::shutdown_send, error);
    // Closing while the request is still coming would take our answer with it.
    std::array<char, 4096> ignored{};
    for (std::size_t got = 0; !error && got < linger_bytes;)
        got +=
            co_await stream->async_read_some(asio::buffer(ignored), asio::redirect_error(asio::use_awaitable, error));
    --*refusing;
}

}  // namespace

void refuse(std::shared_ptr<beast::tcp_stream> stream, std::shared_ptr<std::atomic<int>> refusing) {
    if (refusing->fetch_add(1) >= most) {
        --*refusing;
        return;
    }
    const auto executor = stream->get_executor();
    asio::co_spawn(executor, tell(std::move(stream), std::move(refusing)), asio::detached);
}

}  // namespace server::http
