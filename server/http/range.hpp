// SPDX-License-Identifier: Apache-2.0
#pragma once
// Range, If-Range and If-None-Match (RFC 9110) for a file of known size.
#include <cstdint>
#include <optional>
#include <string>

namespace server::http {

struct Selection {
    unsigned status = 200;                 // 200, 206, 304, 416
    std::uint64_t offset = 0, length = 0;  // of the body
};

struct Conditions {
    std::string range, if_range, if_none_match;  // header values, empty when absent
};

// `etag` is without quotes, empty when there is none. Several ranges in one header are answered with the
// whole file, which the RFC allows.
Selection select(const Conditions& conditions, std::uint64_t size, const std::string& etag);

}  // namespace server::http
