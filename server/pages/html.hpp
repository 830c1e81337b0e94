// SPDX-License-Identifier: Apache-2.0
#pragma once
// Small things every page needs. Text of recipes and requests is untrusted: whatever is put between
// tags or into an attribute goes through escape().
#include <cstdint>
#include <string>
#include <string_view>

namespace server::pages::html {

std::string escape(std::string_view text);    // & < > " ' ; control characters become U+FFFD
std::string command(std::string_view lines);  // what is typed into a shell, as a block
std::string size(std::uint64_t bytes);        // "2 GiB", "134.6 MiB", "812 bytes"
std::string day(std::string_view rfc3339);    // "21 November 2026"; what it is not it gives back

}  // namespace server::pages::html
