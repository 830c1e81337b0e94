// SPDX-License-Identifier: Apache-2.0
#pragma once
// Fetching over http and https, streamed: the way out of everything that a job may ask of the network. Never
// follows a redirect by itself; the address that was checked is the one connected to. Holds the only <curl/curl.h>.
#include <cstddef>
#include <functional>
#include <span>
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
    std::string value(std::string_view name) const;            // empty when there is none
};

struct Receiver {
    std::function<void(const Head&)> head;                 // once, before the body
    std::function<bool(std::span<const std::byte>)> body;  // false: enough
};

class Upstream {
public:
    // `http_proxy` and `https_proxy` are the administrator's own ways out, usually empty.
    Upstream(AddressPolicy policy, std::string http_proxy, std::string https_proxy);

    // Throws std::runtime_error with a sentence that names the address: refused by the policy, no such host,
    // no connection, too slow (100 bytes/s for a minute), stopped.
    void fetch(const ProxyRequest& request, bool trusted, const Receiver& receiver, const std::stop_token& stop) const;

    // A connected socket to HOST:PORT, through https_proxy where there is one. Throws as fetch() does.
    formats::File tunnel(const ProxyRequest& request, bool trusted, const std::stop_token& stop) const;

private:
    AddressPolicy policy_;
    std::string http_proxy_, https_proxy_;
};

}  // namespace builders::network
