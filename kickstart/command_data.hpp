// SPDX-License-Identifier: Apache-2.0
#pragma once
// The commands of all levels as they are written down in command_data.cpp.
#include <span>

#include "kickstart/command_table.hpp"

namespace kickstart {

// `options` is a list of NAME[|ALIAS…][*][=TYPE][!][@LEVELS][~LEVELS]. No type is a flag; s a text, i an integer, l a
// comma list, L one that accumulates, a a text that accumulates, p ports, b a boolean word, o a text that may be left
// out, t team devices, {x,y} a choice. * has a secret as its value: with `secret_words` this is the one table of what
// is secret in a command, and kickstart/secrets.hpp is how everybody reads it. ! is required. @ are the levels that
// know it (all when neither @ nor ~ stands), ~ those that know it but warn. `conflicts` is a list of COMMAND[@LEVELS].
struct CommandEntry {
    const char* name;
    int least = 0, most = 0;  // words beside the options; -1: any number
    const char* options = "";
    const char* known = "R,F";
    const char* deprecated = "";
    const char* removed = "";
    const char* last_wins = "";  // groups of options separated by ";"
    const char* conflicts = "";
    CommandCheck check = nullptr;
    bool opaque = false;
    const char* warns = "";     // levels at which the command itself is going away
    const char* warning = "";   // what is said then
    int mount_point = -1;       // which of its words is one; "/boot/" is read as "/boot"
    bool secret_words = false;  // its words beside the options are secrets
};

std::span<const CommandEntry> command_entries();
std::span<const CommandEntry> section_entries();

// A line like "ENCRYPTION" among the options stands for options that several commands share.
const char* shared_options(std::string_view name);

}  // namespace kickstart
