// SPDX-License-Identifier: Apache-2.0
#pragma once
// %include and %ksappend lines replaced by the files they name, so that the parser sees one text. Every line of that
// text remembers the file and the line it came from.
#include <string>
#include <string_view>
#include <vector>

#include "kickstart/bundle.hpp"
#include "kickstart/parser.hpp"

namespace kickstart {

struct FollowedText {
    std::string text;
    Sources sources;
    std::vector<Diagnostic> problems;  // their lines are those of `text`
};

// `file` is the name of `text` in the bundle; what it includes is relative to its folder. A line whose file is absent,
// outside of the bundle, or including itself stays where it is and is a problem.
FollowedText follow_includes(std::string_view text, const std::string& file, const Bundle& bundle);

inline constexpr std::size_t deepest_include = 100, most_includes = 10'000, largest_followed = 64U << 20;

}  // namespace kickstart
