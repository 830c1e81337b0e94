// SPDX-License-Identifier: Apache-2.0
#include "builders/network/address_policy.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>

namespace builders::network {
namespace {

struct Range4 {
    std::uint32_t first;
    unsigned bits;
};

constexpr std::uint32_t v4(unsigned a, unsigned b, unsigned c, unsigned d) {
    return a << 24 | b << 16 | c << 8 | d;
}

constexpr std::array special4{
    Range4{v4(0, 0, 0, 0), 8},      Range4{v4(10, 0, 0, 0), 8},     Range4{v4(100, 64, 0, 0), 10},
    Range4{v4(127, 0, 0, 0), 8},    Range4{v4(169, 254, 0, 0), 16}, Range4{v4(172, 16, 0, 0), 12},
    Range4{v4(192, 0, 0, 0), 24},   Range4{v4(192, 0, 2, 0), 24},   Range4{v4(192, 88, 99, 0), 24},
    Range4{v4(192, 168, 0, 0), 16}, Range4{v4(198, 18, 0, 0), 15},  Range4{v4(198, 51, 100, 0), 24},
    Range4{v4(203, 0, 113, 0), 24}, Range4{v4(224, 0, 0, 0), 4},    Range4{v4(240, 0, 0, 0), 4}};

bool is_public4(std::uint32_t address) {
    return std::none_of(special4.begin(), special4.end(),
                        [&](const Range4& range) { return (address ^ range.first) >> (32 - range.bits) == 0; });
}

using Bytes6 = std::array<std::uint8_t, 16>;

std::uint32_t v4_at(const Bytes6& bytes, std::size_t at) {
    return v4(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
}

bool starts_with(const Bytes6& bytes, std::initializer_list<unsigned> prefix) {
    return std::equal(prefix.begin(), prefix.end(), bytes.begin());
}

bool is_public6(const Bytes6& bytes) {
    if (starts_with(bytes, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff})) return is_public4(v4_at(bytes, 12));
    if (starts_with(bytes, {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0}))
        return is_public4(v4_at(bytes, 12));                                   // NAT64
    if (starts_with(bytes, {0x20, 0x02})) return is_public4(v4_at(bytes, 2));  // 6to4
    if ((bytes[0] & 0xe0) != 0x20) return false;                               // only 2000::/3 is global unicast
    if (starts_with(bytes, {0x20, 0x01, 0x0d, 0xb8})) return false;            // documentation
    return !(starts_with(bytes, {0x20, 0x01}) && bytes[2] < 2);                // 2001::/23: Teredo and other protocols
}

}  // namespace

bool is_public(const sockaddr& address) {
    if (address.sa_family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, &address, sizeof in);
        return is_public4(ntohl(in.sin_addr.s_addr));
    }
    if (address.sa_family != AF_INET6) return false;
    sockaddr_in6 in{};
    std::memcpy(&in, &address, sizeof in);
    Bytes6 bytes{};
    std::memcpy(bytes.data(), &in.sin6_addr, bytes.size());
    return is_public6(bytes);
}

std::string to_string(const sockaddr& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const auto* in4 = reinterpret_cast<const sockaddr_in*>(&address);
    const auto* in6 = reinterpret_cast<const sockaddr_in6*>(&address);
    const void* from = address.sa_family == AF_INET ? static_cast<const void*>(&in4->sin_addr) : &in6->sin6_addr;
    if (address.sa_family != AF_INET && address.sa_family != AF_INET6) return "an address of another family";
    return ::inet_ntop(address.sa_family, from, text.data(), text.size()) ? text.data() : "?";
}

bool AddressPolicy::allows(const std::string& host, unsigned port, const sockaddr& address) const {
    const std::string with_port = host + ":" + std::to_string(port);
    return is_public(address) || std::any_of(allowed_.begin(), allowed_.end(), [&](const std::string& allowed) {
               return allowed == host || allowed == with_port;
           });
}

}  // namespace builders::network
