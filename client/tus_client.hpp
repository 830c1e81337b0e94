// SPDX-License-Identifier: Apache-2.0
#pragma once
// A tus 1.0 client for the service's uploads: one connection that is kept, a SHA256 with every chunk. The server is
// the user's own choice, so any address will do; a redirect is not followed.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>

namespace client {

// The service will not have it; the sentence is the service's own where it gave one.
class UploadRefused : public std::runtime_error {
    using std::runtime_error::runtime_error;
};
// No connection, a broken one, or a service that is busy: trying again from its offset may help.
class UploadBroken : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

class TusClient {
public:
    // `server` is the service's address, http or https. Throws UploadRefused when it is none.
    explicit TusClient(const std::string& server);
    ~TusClient();

    std::string create(const std::string& name, std::uint64_t size);  // returns the upload's id
    // How much the service has. Nothing: it does not know the upload (any more).
    std::optional<std::uint64_t> offset(const std::string& id);
    // One chunk; returns the offset behind it. `sent` is called with how much of it has gone out.
    std::uint64_t send(const std::string& id, std::uint64_t offset, std::span<const std::byte> chunk,
                       const std::function<void(std::uint64_t)>& sent);

    std::string address(const std::string& id) const;

private:
    struct Connection;
    std::string uploads_;  // address of all uploads
    std::unique_ptr<Connection> connection_;
};

}  // namespace client
