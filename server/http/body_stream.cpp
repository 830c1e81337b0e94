// SPDX-License-Identifier: Apache-2.0
#include "server/http/body_stream.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>

#include <vector>

#include "server/api/error_response.hpp"

namespace server::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;
using Answer = std::optional<Response>;

constexpr std::size_t block = 256 * 1024;
constexpr std::size_t read_size = 64 * 1024;  // Beast reads as much as the buffer has room for, 512 bytes at first
constexpr auto idle_limit = std::chrono::seconds(60);

// Until the piece is full or the body at its end. Returns its length.
asio::awaitable<std::size_t> fill(beast::tcp_stream& stream, beast::flat_buffer& buffer, BodyParser& parser,
                                  std::span<char> piece, error_code& error) {
    auto& body = parser.get().body();
    body.data = piece.data();
    body.size = piece.size();
    body.more = true;
    while (!error && !parser.is_done() && body.size > 0) {
        stream.expires_after(idle_limit);
        co_await beast::http::async_read_some(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
        if (error == beast::http::error::need_buffer) error = {};
    }
    co_return piece.size() - body.size;
}

// What is not HTTP gets an answer; who has gone gets none.
bool malformed(const error_code& error) {
    return error.category() == make_error_code(beast::http::error::bad_chunk).category() &&
           error != beast::http::error::partial_message && error != beast::http::error::end_of_stream;
}

}  // namespace

asio::awaitable<Answer> receive_body(beast::tcp_stream& stream, beast::flat_buffer& buffer, BodyParser& parser,
                                     BodyReceiver& receiver, asio::thread_pool& pool) {
    std::vector<char> piece(block);
    buffer.reserve(read_size);
    error_code error;
    while (!error && !parser.is_done()) {
        const std::size_t length = co_await fill(stream, buffer, parser, piece, error);
        // Named first: the compiler destroys a capturing temporary of a co_await twice.
        auto take = [&]() -> asio::awaitable<Answer> {
            co_return receiver.write(std::as_bytes(std::span(piece).first(length)));
        };
        Answer enough = co_await asio::co_spawn(pool, take, asio::use_awaitable);
        if (enough) co_return enough;
    }
    auto end = [&]() -> asio::awaitable<Response> { co_return receiver.end(!error); };
    Response response = co_await asio::co_spawn(pool, end, asio::use_awaitable);
    if (error && malformed(error)) response = api::problem(400, "the body: " + error.message());
    if (error && !malformed(error)) co_return std::nullopt;
    co_return response;
}

}  // namespace server::http
