// SPDX-License-Identifier: Apache-2.0
#pragma once
// Secrets that are known by their looks, wherever they stand: credentials and tokens in addresses, NAME=VALUE whose
// name says that the value is a secret, hashes of crypt(3), keys and tokens of well-known services, HTTP headers.
// What looks harmless and is a secret cannot be found; what looks like a secret and is none is hidden as well.
// All functions are total over any bytes and take linear time.
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace kickstart {

struct TextRange {
    std::size_t begin = 0, end = 0;  // bytes
};

// What stands in a secret's place.
inline constexpr std::string_view removed_secret = "(removed)";

// In ascending order, none touching another. `shell`: "$NAME" and "$(…)" are expanded, and are no secrets themselves.
std::vector<TextRange> secrets_in_text(std::string_view text, bool shell = false);

// "user:password" in front of "@host", in an address that has no "http://": what proxies may be written as.
std::vector<TextRange> credentials_without_scheme(std::string_view address);

// "DB_PASSWORD", "api-key", "rd.iscsi.in.password": what has this name is a secret.
bool names_secret(std::string_view name);

// A value that tells nothing, whatever its name: "", "yes", "(removed)", and in a shell "$PASSWORD".
bool tells_nothing(std::string_view value, bool shell);

// The text with removed_secret in the place of each range.
std::string without(std::string_view text, const std::vector<TextRange>& ranges);
std::string without_secrets_in_text(std::string_view text);

// Of a message of ours, in whose own words "--password: …" is no NAME: VALUE: addresses, tokens and headers alone.
std::string without_credentials(std::string_view message);

// `ranges` in ascending order, those that overlap or touch made one.
void unite(std::vector<TextRange>& ranges);

}  // namespace kickstart
