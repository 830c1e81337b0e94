// SPDX-License-Identifier: Apache-2.0
#pragma once
// Splitting a line into words as Python's shlex does in POSIX mode with comments, because that is
// how Anaconda reads kickstart: single and double quotes, backslash, `#` begins a comment even in
// the middle of a word, and there is no line continuation.
#include <string>
#include <string_view>
#include <vector>

namespace kickstart {

struct Word {
    std::string text;  // unquoted
    int column = 0;    // 1-based, where it begins
    int end = 0;       // 1-based, behind its last character
};

struct Words {
    std::vector<Word> words;
    std::string error;  // "No closing quotation", or empty
    int error_column = 0;
};

Words split_words(std::string_view line);

// Where in its line each byte of a word's text stands.
struct WordByte {
    std::size_t begin = 0, end = 0;  // offsets in the line, a backslash before it included
    char quote = 0;                  // that it stands in; 0: none
};
std::vector<WordByte> bytes_of(std::string_view line, const Word& word);

// The word of `known` that `word` most likely was meant to be; empty when none is near.
std::string closest(std::string_view word, const std::vector<std::string>& known);

}  // namespace kickstart
