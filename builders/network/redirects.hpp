// SPDX-License-Identifier: Apache-2.0
#pragma once
// GET of an address that is somebody's word, through at most five redirects. Each of them is judged as the first
// address is: http and https only, no credentials, and the address that is connected to must be public unless the
// configuration allows its host. From https to http only where a digest vouches for what comes.
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "builders/network/fetch_errors.hpp"
#include "builders/network/proxies.hpp"
#include "builders/network/upstream.hpp"

namespace builders::network {

struct GetRules {
    std::vector<std::string> allowed_hosts;  // as of AddressPolicy
    // The address comes from whoever sits at this machine and could as well use curl: it may be an inner one. Once it
    // was reached at a public address, it may not become an inner one, and no other host may be one.
    bool trusted_address = false;
    bool plain_after_https = false;
    Proxies proxies;
    std::chrono::milliseconds connect{30000};
    std::chrono::seconds stall{60};
    std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
};

class Getter {
public:
    Getter(const std::string& url, GetRules rules);  // throws FetchRefused

    // `receiver` sees the answer that is no redirect. Returns where it came from. Throws FetchRefused, FetchBroken,
    // FetchFailed, builders::Cancelled, and what the receiver throws.
    Origin get(const std::vector<std::pair<std::string, std::string>>& headers, const Receiver& receiver,
               const std::stop_token& stop);

    const Origin& target() const { return target_; }
    std::chrono::steady_clock::time_point deadline() const { return rules_.deadline; }

private:
    enum class Reached { nothing_yet, inner, outer };

    std::string one(const Origin& target, const std::vector<std::pair<std::string, std::string>>& headers,
                    const Receiver& receiver, const std::stop_token& stop);

    Origin target_;
    GetRules rules_;
    Reached first_ = Reached::nothing_yet;  // where the first connection of all went
    bool answered_ = false;                 // by anything but a redirect: a server that is not there now is away
};

}  // namespace builders::network
