// SPDX-License-Identifier: Apache-2.0
#pragma once
// Text that strangers write: letters compared as protocols compare them, UTF-8 that is really that, base64.
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace formats {

// ASCII letters only, whatever the locale: as header names, hosts and file endings are compared.
std::string lower(std::string_view text);

// JSON and pages are UTF-8, whatever bytes a recipe, an address or an image had: what is not becomes U+FFFD.
std::string valid_utf8(std::string_view text);
// Line of the first byte that is not UTF-8, from 1; 0 when all of it is.
int line_not_utf8(std::string_view text);

// RFC 4648 with its padding, without line breaks, unused bits zero: each value has one spelling, others are nothing.
std::string to_base64(std::span<const std::byte> bytes);
std::optional<std::string> from_base64(std::string_view text);

}  // namespace formats
