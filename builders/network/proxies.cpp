// SPDX-License-Identifier: Apache-2.0
#include "builders/network/proxies.hpp"

#include <cstdlib>

#include "formats/base/text.hpp"

namespace builders::network {
namespace {

std::string variable(const char* lower_case, const char* upper_case) {
    const char* value = std::getenv(lower_case);
    if (!value && upper_case) value = std::getenv(upper_case);
    return value ? value : "";
}

bool covers(std::string_view pattern, const Origin& target) {
    while (pattern.starts_with(' ')) pattern.remove_prefix(1);
    while (pattern.ends_with(' ')) pattern.remove_suffix(1);
    if (pattern == "*") return true;
    if (pattern.starts_with('.')) pattern.remove_prefix(1);
    if (pattern.empty()) return false;
    const std::string one = formats::lower(pattern);
    return target.host == one || target.host + ":" + std::to_string(target.port) == one ||
           target.host.ends_with("." + one);
}

}  // namespace

Proxies Proxies::of_environment() {
    // HTTP_PROXY in capitals is what a request header "Proxy:" becomes in a CGI program: nobody reads it.
    return {variable("http_proxy", nullptr), variable("https_proxy", "HTTPS_PROXY"), variable("no_proxy", "NO_PROXY")};
}

std::string Proxies::towards(const Origin& target) const {
    std::string_view rest = except;
    while (!rest.empty()) {
        const std::size_t comma = std::min(rest.find(','), rest.size());
        if (covers(rest.substr(0, comma), target)) return {};
        rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return target.scheme == "https" ? https : http;
}

}  // namespace builders::network
