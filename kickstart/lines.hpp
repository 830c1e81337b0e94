// SPDX-License-Identifier: Apache-2.0
#pragma once
// A kickstart as lines. LF, CRLF and a lone CR end a line.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kickstart {

struct TextLine {
    std::string_view text;  // without its end
    std::string_view raw;   // with it
};

std::vector<TextLine> split_lines(std::string_view text);

std::string_view first_word(std::string_view line);
std::string_view trimmed(std::string_view text);  // blanks and line ends taken off both sides
bool blank(std::string_view text);

// Where the first byte stands that is not UTF-8.
std::optional<std::size_t> bad_utf8(std::string_view text);

// A word as a message quotes it: at most 80 bytes, cut between characters.
std::string shown(std::string_view word);

inline constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

}  // namespace kickstart
