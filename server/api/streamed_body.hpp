// SPDX-License-Identifier: Apache-2.0
#pragma once
// A request whose body is too large to be gathered: from its head the API either answers at once, and the body is
// not read, or it takes the body piece by piece as it comes.
#include <cstddef>
#include <memory>
#include <optional>
#include <span>

#include "server/api/api.hpp"

namespace server::api {

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

}  // namespace server::api
