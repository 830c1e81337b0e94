// SPDX-License-Identifier: Apache-2.0
#pragma once
// The one place that reads the wall clock; everything below gets times as arguments.
#include <cstdint>
#include <optional>
#include <string>

namespace server {

std::string now_rfc3339();  // "2026-11-21T06:00:00Z"
std::string today();        // "20261121", UTC
std::int64_t unix_now();    // seconds since 1970

std::string rfc3339(std::int64_t unix_seconds);
std::optional<std::int64_t> unix_of(const std::string& rfc3339);  // of what is written here, in UTC
std::string http_date(std::int64_t unix_seconds);  // "Sat, 21 Nov 2026 06:00:00 GMT", as HTTP's headers have it

}  // namespace server
