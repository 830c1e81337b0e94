// SPDX-License-Identifier: Apache-2.0
// Apart from the rest of json_text.hpp: workers need it, and not the catalog.
#include <algorithm>

#include "server/api/json_text.hpp"

namespace server::api {

namespace {

// Bytes of the character that begins the text; 0 when there is none.
std::size_t character(std::string_view text) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    const unsigned char first = byte(0);
    const std::size_t length = first < 0x80   ? 1
                               : first < 0xC2 ? 0
                               : first < 0xE0 ? 2
                               : first < 0xF0 ? 3
                               : first < 0xF5 ? 4
                                              : 0;
    if (length == 0 || length > text.size()) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(i) & 0xC0) != 0x80) return 0;
    const bool wrong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F) ||
                       (first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F);
    return wrong ? 0 : length;
}

}  // namespace

std::string valid_utf8(std::string_view text) {
    std::string valid;
    valid.reserve(text.size());
    while (!text.empty()) {
        const std::size_t length = character(text);
        if (length == 0)
            valid += "\xEF\xBF\xBD";
        else
            valid += text.substr(0, length);
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return valid;
}

int line_not_utf8(std::string_view text) {
    for (int line = 1; !text.empty();) {
        const std::size_t length = character(text);
        if (length == 0) return line;
        if (text[0] == '\n') ++line;
        text.remove_prefix(length);
    }
    return 0;
}

}  // namespace server::api
