// SPDX-License-Identifier: Apache-2.0
#pragma once
// A request's body as it comes, in pieces of a fixed size: the next piece is read when the receiver, on a thread of
// the pool, is done with the last one, so a slow disk slows the client and a slow client holds no thread.
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "server/message.hpp"

namespace server::http {

using BodyParser = boost::beast::http::request_parser<boost::beast::http::buffer_body>;

// REQUIRES: the parser's header is done. Nothing: the connection broke or stood still for a minute; what came was given
// to the receiver. The parser tells whether the body was read to its end.
boost::asio::awaitable<std::optional<Response>> receive_body(boost::beast::tcp_stream& stream,
                                                             boost::beast::flat_buffer& buffer, BodyParser& parser,
                                                             BodyReceiver& receiver, boost::asio::thread_pool& pool);

}  // namespace server::http
