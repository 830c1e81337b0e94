// SPDX-License-Identifier: Apache-2.0
#pragma once
// The words of one command line or section header against its rule.
#include <vector>

#include "kickstart/command_table.hpp"
#include "kickstart/parser.hpp"
#include "kickstart/words.hpp"

namespace kickstart {

// Fills args and options of a Command; appends every problem of the line to `problems`. words[0] is
// the command itself.
Command parse_options(const CommandRule& rule, const std::vector<Word>& words, int line,
                      std::vector<Diagnostic>& problems);

// Comma list: trimmed, empty items dropped.
std::vector<std::string> comma_list(std::string_view text);

// "/boot/" → "/boot", "//a/../b" → "/b"; anything not starting with "/" stays as it is.
std::string normal_path(const std::string& path);

}  // namespace kickstart
