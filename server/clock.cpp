// SPDX-License-Identifier: Apache-2.0
#include "server/clock.hpp"

#include <array>
#include <ctime>

namespace server {
namespace {

std::string formatted(const char* format, std::time_t moment) {
    std::tm parts{};
    ::gmtime_r(&moment, &parts);
    std::array<char, 64> text{};
    return {text.data(), std::strftime(text.data(), text.size(), format, &parts)};
}

}  // namespace

std::string now_rfc3339() {
    return rfc3339(unix_now());
}
std::string today() {
    return formatted("%Y%m%d", unix_now());
}
std::int64_t unix_now() {
    return std::time(nullptr);
}
std::string rfc3339(std::int64_t unix_seconds) {
    return formatted("%Y-%m-%dT%H:%M:%SZ", unix_seconds);
}
std::optional<std::int64_t> unix_of(const std::string& rfc3339) {
    std::tm parts{};
    const char* end = ::strptime(rfc3339.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    if (!end || *end != '\0') return std::nullopt;
    return ::timegm(&parts);
}
std::string http_date(std::int64_t unix_seconds) {  // no program of ours sets a locale: the names are English
    return formatted("%a, %d %b %Y %H:%M:%S GMT", unix_seconds);
}

}  // namespace server
