// SPDX-License-Identifier: Apache-2.0
#pragma once
// What was probably meant by a line that Anaconda refuses. Each returns "; …" to be put behind the message, or nothing.
#include <string>
#include <vector>

#include "kickstart/command_table.hpp"
#include "kickstart/words.hpp"

namespace kickstart::hints {

std::string unknown_command(const std::vector<Word>& words, const CommandTable& table, Level level);
std::string unknown_option(const CommandRule& rule, const std::string& name, Level level);
std::string removed_command(const std::string& name);
std::string unexpected_word(const CommandRule& rule, const std::vector<Word>& words, const Word& unexpected);

// A section that was not closed: `lines` are those between its header and the line that ended it. Says when that line
// stands in a here-document.
std::string unclosed_section(const std::vector<std::string_view>& lines, const std::string& ended_by);

}  // namespace kickstart::hints
