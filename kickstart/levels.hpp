// SPDX-License-Identifier: Apache-2.0
#pragma once
// Syntax levels: the releases whose Anaconda reads a kickstart differently. "RHEL5" … "RHEL10", "F9" … "F45", and
// "kickseed", Ubuntu's dialect. A level range is written "R7-,F18-": comma-separated, each R or F (or K, kickseed)
// with nothing, one number, or numbers around a dash of which either may be left out.
#include <optional>
#include <string>
#include <string_view>

namespace kickstart {

struct Level {
    enum class Family { rhel, fedora, kickseed } family = Family::rhel;
    int number = 9;

    bool operator==(const Level&) const = default;
};

std::optional<Level> level_named(std::string_view name);
std::string level_name(Level level);

// Is `level` in the range? Kickseed is where K is named, and else where RHEL 6 is; Fedora below 16 is read as 16.
// An empty range holds nothing.
bool in_range(Level level, std::string_view range);

inline constexpr Level default_level{Level::Family::rhel, 9};

}  // namespace kickstart
