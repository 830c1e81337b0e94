// SPDX-License-Identifier: Apache-2.0
#pragma once
// The words of one command line or section header against its rule.
#include <optional>
#include <vector>

#include "kickstart/command_table.hpp"
#include "kickstart/parser.hpp"
#include "kickstart/words.hpp"

namespace kickstart {

// The Command that stands on the line; appends every problem and warning of the line to `problems`, and gives nothing
// when one of them is an error. words[0] is the command itself.
std::optional<Command> parse_options(const CommandRule& rule, const std::vector<Word>& words, int line, Level level,
                                     std::vector<Diagnostic>& problems);

// Comma list: trimmed, empty items dropped.
std::vector<std::string> comma_list(std::string_view text);

// "/boot/" → "/boot", "//a/../b" → "/b"; anything not starting with "/" stays as it is.
std::string normal_path(const std::string& path);

}  // namespace kickstart
