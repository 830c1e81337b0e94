// SPDX-License-Identifier: Apache-2.0
#pragma once
// The user's own way out, as the environment names it for curl, wget and apt alike.
#include <string>

#include "builders/network/proxy_request.hpp"

namespace builders::network {

struct Proxies {
    std::string http, https;
    std::string except;  // "localhost,.example.org,10.0.0.5:8080" or "*": reached without one

    static Proxies of_environment();  // http_proxy, https_proxy, no_proxy
    std::string towards(const Origin& target) const;
};

}  // namespace builders::network
