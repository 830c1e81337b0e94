// SPDX-License-Identifier: Apache-2.0
#include "kickstart/lines.hpp"

namespace kickstart {

std::vector<TextLine> split_lines(std::string_view text) {
    std::vector<TextLine> lines;
    std::size_t begin = 0;
    while (begin < text.size()) {
        std::size_t end = begin;
        while (end < text.size() && text[end] != '\n' && text[end] != '\r') ++end;
        std::size_t next = end;
        if (next < text.size()) next += text.substr(next).starts_with("\r\n") ? 2 : 1;
        lines.push_back({text.substr(begin, end - begin), text.substr(begin, next - begin)});
        begin = next;
    }
    return lines;
}

std::string_view first_word(std::string_view line) {
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    const std::size_t end = line.find_first_of(" \t", begin);
    return line.substr(begin, end == std::string_view::npos ? end : end - begin);
}

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

bool blank(std::string_view text) {
    return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

std::optional<std::size_t> bad_utf8(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
        const unsigned first = byte(at);
        if (first < 0x80) {
            ++at;
            continue;
        }
        const std::size_t length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
        if (length == 0) return at;
        for (std::size_t i = 1; i < length; ++i)
            if ((byte(at + i) & 0xc0U) != 0x80) return at;
        const unsigned second = byte(at + 1);
        const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
        const bool outside = (first == 0xed && second >= 0xa0) || (first == 0xf4 && second >= 0x90);
        if (overlong || outside) return at;
        at += length;
    }
    return std::nullopt;
}

std::string shown(std::string_view word) {
    constexpr std::size_t most = 80;
    if (word.size() <= most) return std::string(word);
    std::size_t end = most;
    while (end > 0 && (static_cast<unsigned char>(word[end]) & 0xc0U) == 0x80) --end;
    return std::string(word.substr(0, end)) + "…";
}

}  // namespace kickstart
