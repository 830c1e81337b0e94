// SPDX-License-Identifier: Apache-2.0
#pragma once
// What is secret in a kickstart, and the text without it. What is secret in a command is marked in its one table
// (command_data.cpp) and read here from the parser's own words, so that a beginning of an option's name, quotes and
// backslashes change nothing; secret_text.hpp adds what is known by its looks, script_secrets.hpp what a shell does.
// All levels are asked together: a text is hidden alike at whatever level it is read.
//
// The rules, for one who reads the public text:
//   - a secret word or part of a word reads "(removed)"; all else stays byte for byte;
//   - a line that cannot be read as a command (an unknown command or option, an open quote, words too many) could hold
//     anything, and is replaced by a comment that says so;
//   - a script or an add-on's text in which one secret is found is replaced as a whole by such a comment, as is the
//   text
//     of an add-on that is not known;
//   - a comment that hides a command is treated as that command, one that hides a script's line with a secret in it is
//     replaced, and all other comments stay but for what is known by its looks and for the recipe's own secrets.
// All functions are total over any bytes; the time they take grows with the text alone.
#include <string>
#include <string_view>
#include <vector>

#include "kickstart/words.hpp"

namespace kickstart {

// The text as everybody may read it. Of a text without secrets, the text itself; public_text(public_text(t)) is
// public_text(t).
std::string public_text(std::string_view text);

// Every secret of the text as it is once quotes are taken off, each once and none empty: to be kept out of logs. Short
// ones are among them: whoever replaces them in other texts decides what is too short for that.
std::vector<std::string> secret_values(std::string_view text);

// A secret in a line of commands: bytes of the text of one of its words.
struct SecretPart {
    std::size_t word = 0, begin = 0, end = 0;
};
struct LineSecrets {
    Words words;
    bool readable = true;  // as a command of some level, all of its words
    std::vector<SecretPart> parts;
    // Of a line that is not readable: words that a secret may have become by a slip ("--pasword=x", "rootpw a b").
    std::vector<SecretPart> suspects;
};
LineSecrets secrets_of_line(std::string_view line);

// For the eyes of who wrote it, as a finding or an error quotes it: the line with every secret and suspect replaced by
// stars of the same length, and all of a script's line that holds one.
std::string without_secrets(std::string_view line);

// A message about `line` that may quote its words: secrets and suspects of the line read "(removed)" in it.
std::string message_without_secrets(std::string message, std::string_view line);

}  // namespace kickstart
