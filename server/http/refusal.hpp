// SPDX-License-Identifier: Apache-2.0
#pragma once
// A connection there is no room for: told so with 503, without a byte of it being read first, and closed.
#include <atomic>
#include <boost/beast/core/tcp_stream.hpp>
#include <memory>

namespace server::http {

// Returns at once. `refusing`: how many are being refused; those above a few dozen are closed without a word.
void refuse(std::shared_ptr<boost::beast::tcp_stream> stream, std::shared_ptr<std::atomic<int>> refusing);

}  // namespace server::http
