// SPDX-License-Identifier: Apache-2.0
#pragma once
// The rules of one syntax level: every command and section with its options. The data stands in command_data.cpp,
// one entry a command with the levels at which each option is known; what a command means for the recipe is one
// function of recipe_builder.cpp.
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "kickstart/levels.hpp"
#include "kickstart/recipe.hpp"

namespace kickstart {

enum class OptionType {
    flag,
    number,  // as Python's int() reads it
    text,
    list,           // comma-separated
    ports,          // a list; ":tcp" is added where no protocol stands
    append,         // each time it stands one more item, commas and all
    boolean,        // on, yes, true, 1 …
    optional_text,  // the value may be left out
    pairs,          // "eth0'{"a": 1}',eth1": devices with their configuration
};

struct OptionRule {
    std::vector<std::string> names;  // the first is the key, all without the dashes
    OptionType type = OptionType::flag;
    bool required = false;
    bool accumulates = false;  // a repeat adds instead of replacing
    bool deprecated = false;   // accepted with a warning
    bool secret = false;       // its value is a password, a passphrase, a key
    std::vector<std::string> choices;
};

// What is wrong with a whole command line, or nothing.
using CommandCheck = std::string (*)(const Command& command, Level level);

struct CommandRule {
    std::string name;
    std::size_t least_args = 0, most_args = 0;  // words that are no options
    bool opaque = false;                        // its words are not looked at
    bool deprecated = false;                    // accepted, without effect; its words are not looked at
    bool removed = false;                       // known, and refused
    bool secret_words = false;                  // its words that are no options are secrets
    int mount_point = -1;                       // which argument is one; -1: none
    std::string warning;                        // accepted, but going away
    std::vector<OptionRule> options;
    std::vector<std::vector<std::string>> exclusive;  // options of which the last wins
    std::vector<std::string> conflicts;               // commands that must not stand before it in the file
    CommandCheck check = nullptr;

    // By full name or unambiguous beginning. `candidates` gets all that fit.
    const OptionRule* option(std::string_view name, std::vector<std::string>& candidates) const;
};

// The command or section ("%post") with the options of all levels together: what a text may have meant at whatever
// level it is read. `opaque` and `deprecated` are true when they are at any level. Nothing for a name no level knows.
const CommandRule* rule_of_any_level(std::string_view name);

struct CommandEntry;

class CommandTable {
public:
    static const CommandTable& at(Level level);  // made once for each level, and each rule when it is first asked for

    const CommandRule* command(std::string_view name) const;
    const CommandRule* section(std::string_view name) const;  // "%post"
    const std::vector<std::string>& command_names() const { return names_; }
    bool end_is_optional() const { return end_is_optional_; }

private:
    struct Slot {
        const CommandEntry* entry = nullptr;
        std::unique_ptr<const CommandRule> rule;
    };
    using Slots = std::map<std::string, Slot, std::less<>>;

    explicit CommandTable(Level level);
    const CommandRule* find(Slots& slots, std::string_view name) const;

    Level level_;
    mutable std::mutex mutex_;
    mutable Slots commands_, sections_;
    std::vector<std::string> names_;
    bool end_is_optional_ = false;
};

}  // namespace kickstart
