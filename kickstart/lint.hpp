// SPDX-License-Identifier: Apache-2.0
#pragma once
// Everything there is to say about a kickstart: what is wrong with it, what an image build does with each command, and
// what is unsafe. Pure: text in, findings out.
#include <string>
#include <string_view>
#include <vector>

#include "kickstart/parser.hpp"

namespace kickstart {

struct Finding {
    enum class Weight { error, warning, note };

    std::string file;
    int line = 0;    // 1-based, as its file counts it
    int column = 0;  // 1-based, in characters; 0: the whole line
    int length = 0;  // characters of the offending word; 0 when unknown
    Weight weight = Weight::error;
    std::string rule;     // "syntax", "security/plaintext-password"; known to lint_rules()
    std::string message;  // without any secret
    std::string source;   // the line, its secrets starred out
};

struct LintResult {
    std::string file;
    ParseResult parsed;
    std::vector<Finding> findings;  // in the order of the text

    std::size_t count(Finding::Weight weight) const;
};

struct LintOptions {
    ParseOptions parse;
    bool security = true;   // advice
    bool image_use = true;  // what a build ignores or refuses
};

LintResult lint(std::string_view text, const std::string& file, const LintOptions& options = {});

struct LintRule {
    std::string_view id, about;
};
const std::vector<LintRule>& lint_rules();

// "FILE:12:9: error: …" with the line and a caret below, and a line of counts.
std::string lint_text(const LintResult& result);
std::string lint_json(const std::vector<LintResult>& results);   // "xenkiln-lint/1"
std::string lint_sarif(const std::vector<LintResult>& results);  // SARIF 2.1.0

}  // namespace kickstart
