// SPDX-License-Identifier: Apache-2.0
#pragma once
// Every command and section with its options, as data. Adding a command is one entry of
// command_table.cpp; what it means for the recipe is one function of recipe_builder.cpp.
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kickstart {

enum class OptionType { flag, number, text, list, boolean };

struct OptionRule {
    std::vector<std::string> names;  // the first is the key, all without the dashes
    OptionType type = OptionType::flag;
    bool required = false;
    bool accumulates = false;  // a repeat adds instead of replacing
    std::vector<std::string> choices;
};

struct CommandRule {
    std::string name;
    std::size_t least_args = 0, most_args = 0;  // words that are no options
    bool deprecated = false;                    // accepted, without effect
    std::vector<OptionRule> options;
    std::vector<std::string> exclusive;  // groups of options of which the last wins: "all linux none"
    std::vector<std::string> conflicts;  // commands that must not stand in the same file

    // By full name or unambiguous beginning. `candidates` gets all that fit.
    const OptionRule* option(std::string_view name, std::vector<std::string>& candidates) const;
};

const CommandRule* find_command(std::string_view name);
const CommandRule* find_section(std::string_view name);  // "%post"
std::vector<std::string> command_names();

}  // namespace kickstart
