// SPDX-License-Identifier: Apache-2.0
#include "server/clock.hpp"

#include <array>
#include <ctime>

namespace server {
namespace {

std::string formatted(const char* format) {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    std::array<char, 64> text{};
    return {text.data(), std::strftime(text.data(), text.size(), format, &parts)};
}

}  // namespace

std::string now_rfc3339() {
    return formatted("%Y-%m-%dT%H:%M:%SZ");
}
std::string today() {
    return formatted("%Y%m%d");
}

}  // namespace server
