// SPDX-License-Identifier: Apache-2.0
#include "kickstart/level_guess.hpp"

#include <algorithm>
#include <array>

#include "kickstart/command_table.hpp"
#include "kickstart/lines.hpp"

namespace kickstart {
namespace {

struct Fit {
    std::ptrdiff_t errors, warnings;
    auto operator<=>(const Fit&) const = default;
};

Fit fit(const ParseResult& result) {
    Fit found{0, 0};
    for (const Diagnostic& diagnostic : result.diagnostics)
        ++(diagnostic.severity == Severity::error ? found.errors : found.warnings);
    return found;
}

// The newest first, for of two that fit alike the first is taken.
constexpr std::array candidates{
    default_level,
    Level{Level::Family::rhel, 10},
    Level{Level::Family::fedora, 42},
    Level{Level::Family::rhel, 8},
    Level{Level::Family::rhel, 7},
    Level{Level::Family::rhel, 6},
    Level{Level::Family::rhel, 5},
    Level{Level::Family::kickseed, 0},
};
constexpr std::size_t largest_tried = 1U << 20;  // bytes; above, trying every level costs too much

bool has_end(std::string_view text) {
    const auto lines = split_lines(text);
    return std::any_of(lines.begin(), lines.end(),
                       [](const TextLine& line) { return first_word(line.text) == "%end"; });
}

// What no installer but Ubuntu's takes.
bool is_kickseed(const Recipe& recipe) {
    return std::any_of(recipe.commands.begin(), recipe.commands.end(), [](const Command& command) {
        return command.name == "preseed" || command.options.contains("fullname") ||
               (command.name == "user" && !command.args.empty()) ||
               ((command.name == "user" || command.name == "rootpw") && command.options.contains("disabled"));
    });
}

}  // namespace

ParseResult parse_at_guessed_level(std::string_view text, const Sources& sources, bool forgiving) {
    for (std::size_t at = 0; (at = text.find("#version=", at)) != std::string_view::npos; ++at) {
        if (at > 0 && text[at - 1] != '\n' && text[at - 1] != '\r') continue;
        std::string_view named = text.substr(at + std::string_view("#version=").size());
        named = trimmed(named.substr(0, named.find_first_of("\r\n")));
        const auto level = level_named(named);
        if (!level) break;  // the first counts; "DEVEL" says nothing
        ParseResult result = parse_at(text, sources, *level, forgiving);
        const std::size_t line = split_lines(text.substr(0, at)).size() + 1;
        result.recipe.version_reason = "#version= in line " + std::to_string(line);
        return result;
    }
    ParseResult best = parse_at(text, sources, default_level, forgiving);
    best.recipe.version_reason = "a guess: the newest of the levels that read it best";
    if (text.size() > largest_tried) {
        best.recipe.version_reason = "the default: the file is too large to try every level";
        return best;
    }
    Fit least = fit(best);
    // Who closes one section closes all: a forgotten %end is not taken for an old level's habit.
    const bool closes = has_end(text);
    for (const Level level : candidates) {
        if (least == Fit{0, 0}) break;
        const bool kickseed = level.family == Level::Family::kickseed;
        if (closes && CommandTable::at(level).end_is_optional() && !kickseed) continue;
        ParseResult other = parse_at(text, sources, level, forgiving && !closes);
        if (kickseed && !is_kickseed(other.recipe)) continue;
        if (const Fit found = fit(other); found < least) {
            least = found;
            other.recipe.version_reason = best.recipe.version_reason;
            best = std::move(other);
        }
    }
    return best;
}

}  // namespace kickstart
