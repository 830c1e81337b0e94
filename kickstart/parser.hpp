// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kickstart text → Recipe plus diagnostics. Wrong text is a value, never an exception: all errors
// of a file are collected, each with its line.
#include <string>
#include <string_view>
#include <vector>

#include "kickstart/recipe.hpp"

namespace kickstart {

class Bundle;

enum class Severity { error, warning };

struct Diagnostic {
    int line = 0;    // 1-based; 0 when the whole file is meant
    int column = 0;  // 1-based, 0 when unknown
    Severity severity = Severity::error;
    std::string kind;     // "deprecated", "include" or "other"
    std::string message;  // names the command or option and quotes the offending word
};

struct ParseOptions {
    std::string
        version;  // syntax level, "RHEL7" … "F40", "kickseed"; empty: `#version=`, else the level that fits best
    // What Anaconda refuses and we take with a warning: a byte order mark, and at level RHEL6 a section without %end.
    bool forgiving = true;
    // Where %include lines are followed to; nothing: they are recorded in recipe.includes. `file` is the text's own
    // name, in the bundle when there is one.
    const Bundle* bundle = nullptr;
    std::string file;
};

struct ParseResult {
    Recipe recipe;
    std::vector<Diagnostic> diagnostics;  // in file order
    std::string followed_text;            // what was parsed, when includes were followed
    bool ok() const;                      // no error among them
};

// Never throws for anything in `text`; std::invalid_argument for an unknown options.version.
ParseResult parse(std::string_view text, const ParseOptions& options = {});

std::string default_version();  // taken when all levels fit alike

}  // namespace kickstart
