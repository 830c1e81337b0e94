// SPDX-License-Identifier: Apache-2.0
#pragma once
// Fetching over http and https, streamed: the way out of everything that a job may ask of the network. Never
// follows a redirect by itself; the address that was checked is the one connected to.
#include <chrono>
#include <cstddef>
#include <functional>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "builders/network/address_policy.hpp"
#include "builders/network/proxy_request.hpp"
#include "formats/base/file.hpp"

namespace builders::network {

struct Head {
    int status = 0;
    std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
    // Empty when there is none.
    std::string value(std::string_view name) const {
        for (const auto& [key, value] : headers)
            if (key == name) return value;
        return {};
    }
};

// Where a transfer went.
struct Connection {
    std::string address;    // empty: through a proxy
    bool is_public = true;  // also through a proxy: which addresses it reaches is its administrator's word
};

struct Receiver {
    std::function<void(const Head&)> head;                  // once, before the body
    std::function<bool(std::span<const std::byte>)> body;   // false: enough
    std::function<void(const Connection&)> connected = {};  // once there is one, before the request; may be left out
};

struct Limits {
    std::chrono::milliseconds connect{30000};
    std::chrono::seconds stall{60};      // under 100 bytes/s for so long
    std::chrono::milliseconds whole{0};  // of the transfer; 0: none
    bool http_1 = false;                 // no newer version
};

// What fetch() and tunnel() throw, each with a sentence that names the address.
class AddressRefused : public std::runtime_error {  // by the policy
    using std::runtime_error::runtime_error;
};
class TransferFailed : public std::runtime_error {
public:
    TransferFailed(const std::string& what, bool broken) : std::runtime_error(what), broken(broken) {}
    bool broken;  // there is no connection, or no more, or it was too slow: the next time all may go well
};

// What a Location header means, seen from `base`; empty when it means nothing.
std::string resolve_reference(const std::string& base, const std::string& reference);

class Upstream {
public:
    // `http_proxy` and `https_proxy` are the administrator's own ways out, usually empty.
    Upstream(AddressPolicy policy, std::string http_proxy, std::string https_proxy);

    // Throws AddressRefused; TransferFailed for no such host, no connection, too slow, stopped.
    void fetch(const ProxyRequest& request, bool trusted, const Receiver& receiver, const std::stop_token& stop,
               const Limits& limits = {}) const;

    // A connected socket to HOST:PORT, through https_proxy where there is one. Throws as fetch() does.
    formats::File tunnel(const ProxyRequest& request, bool trusted, const std::stop_token& stop) const;

private:
    AddressPolicy policy_;
    std::string http_proxy_, https_proxy_;
};

}  // namespace builders::network
