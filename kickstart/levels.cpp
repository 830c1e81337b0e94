// SPDX-License-Identifier: Apache-2.0
#include "kickstart/levels.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace kickstart {
namespace {

std::optional<int> number(std::string_view text) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || text.front() == '-' || error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

bool in_part(Level level, std::string_view part) {
    const char family = level.family == Level::Family::rhel ? 'R' : level.family == Level::Family::fedora ? 'F' : 'K';
    if (part.empty() || part.front() != family) return false;
    part.remove_prefix(1);
    if (part.empty()) return true;
    const std::size_t dash = part.find('-');
    if (dash == std::string_view::npos) return number(part) == level.number;
    const int lowest = number(part.substr(0, dash)).value_or(0);
    const int highest = number(part.substr(dash + 1)).value_or(std::numeric_limits<int>::max());
    return lowest <= level.number && level.number <= highest;
}

}  // namespace

std::optional<Level> level_named(std::string_view name) {
    if (name == "kickseed") return Level{Level::Family::kickseed, 0};
    const bool rhel = name.starts_with("RHEL"), fedora = name.starts_with("F");
    if (!rhel && !fedora) return std::nullopt;
    const std::string_view digits = name.substr(rhel ? 4 : 1);
    const auto value = number(digits);
    const int lowest = rhel ? 5 : 9, highest = rhel ? 10 : 45;
    if (!value || digits.front() == '0' || *value < lowest || *value > highest) return std::nullopt;
    return Level{rhel ? Level::Family::rhel : Level::Family::fedora, *value};
}

std::string level_name(Level level) {
    if (level.family == Level::Family::kickseed) return "kickseed";
    return (level.family == Level::Family::rhel ? "RHEL" : "F") + std::to_string(level.number);
}

bool in_range(Level level, std::string_view range) {
    if (level.family == Level::Family::fedora) level.number = std::max(level.number, 16);
    if (level.family == Level::Family::kickseed && range.find('K') == std::string_view::npos)
        level = {Level::Family::rhel, 6};
    while (!range.empty()) {
        const std::size_t comma = range.find(',');
        if (in_part(level, range.substr(0, comma))) return true;
        range.remove_prefix(comma == std::string_view::npos ? range.size() : comma + 1);
    }
    return false;
}

}  // namespace kickstart
