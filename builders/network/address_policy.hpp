// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which addresses a job may reach. A recipe's URLs are other people's words: they may point at the host's
// loopback, at inner networks, at a cloud's metadata service. An address is public unless one of the special
// registries holds it (IANA IPv4/IPv6 special-purpose registries, RFC 6890 and its updates); addresses that
// carry an IPv4 address inside (v4-mapped, NAT64, 6to4) are judged by that one.
#include <sys/socket.h>

#include <string>
#include <vector>

namespace builders::network {

bool is_public(const sockaddr& address);
std::string to_string(const sockaddr& address);  // "192.0.2.7", "2001:db8::1"

// Hosts that the operator allows although they are not public: "mirror.example.org", "10.0.0.5:8080".
class AddressPolicy {
public:
    AddressPolicy() = default;
    explicit AddressPolicy(std::vector<std::string> allowed_hosts) : allowed_(std::move(allowed_hosts)) {}

    bool allows(const std::string& host, unsigned port, const sockaddr& address) const;

private:
    std::vector<std::string> allowed_;
};

}  // namespace builders::network
