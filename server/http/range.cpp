// SPDX-License-Identifier: Apache-2.0
#include "server/http/range.hpp"

#include <algorithm>
#include <charconv>

namespace server::http {
namespace {

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || end != text.data() + text.size()) return std::nullopt;
    if (error == std::errc::result_out_of_range) return UINT64_MAX;  // a number, and behind every end
    return error == std::errc() ? std::optional(value) : std::nullopt;
}

bool lists(const std::string& header, const std::string& etag) {
    return header == "*" || header.find("\"" + etag + "\"") != std::string::npos;
}

}  // namespace

Selection select(const Conditions& conditions, std::uint64_t size, const std::string& etag) {
    const Selection whole{200, 0, size};
    if (!etag.empty() && !conditions.if_none_match.empty() && lists(conditions.if_none_match, etag)) return {304, 0, 0};
    std::string_view range = conditions.range;
    if (!range.starts_with("bytes=") || range.find(',') != std::string_view::npos) return whole;
    if (!conditions.if_range.empty() && (etag.empty() || conditions.if_range != "\"" + etag + "\"")) return whole;
    range.remove_prefix(6);
    const std::size_t dash = range.find('-');
    if (dash == std::string_view::npos) return whole;
    const std::string_view first = range.substr(0, dash), last = range.substr(dash + 1);
    if (first.empty()) {
        const auto suffix = number(last);
        if (!suffix) return whole;
        if (*suffix == 0 || size == 0) return {416, 0, 0};
        const std::uint64_t length = std::min(*suffix, size);
        return {206, size - length, length};
    }
    const auto from = number(first);
    const auto to = last.empty() ? std::optional<std::uint64_t>(UINT64_MAX) : number(last);
    if (!from || !to || *to < *from) return whole;
    if (*from >= size) return {416, 0, 0};
    return {206, *from, std::min(*to, size - 1) - *from + 1};
}

}  // namespace server::http
