// SPDX-License-Identifier: Apache-2.0
// Any bytes as kickstart, at a level that the first byte chooses: a diagnostic at the most, output that is printed to
// its end, and a recipe that renders to text of the same meaning.
#include <array>

#include "kickstart/json.hpp"
#include "kickstart/lint.hpp"
#include "kickstart/render.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    constexpr std::array levels{"", "RHEL5", "RHEL6", "RHEL7", "RHEL9", "RHEL10", "F20", "F40", "kickseed"};
    std::string_view text(reinterpret_cast<const char*>(data), size);
    const char* level = size == 0 ? "" : levels.at(data[0] % levels.size());
    const kickstart::ParseResult result = kickstart::parse(text, {level});
    if (to_json(result).back() != '\n') __builtin_trap();
    if (result.ok() && text.find('\0') == std::string_view::npos) {
        const std::string rendered = render(result.recipe);
        const kickstart::ParseResult again = kickstart::parse(rendered);
        if (!again.ok() || render(again.recipe) != rendered) __builtin_trap();
    }
    kickstart::LintOptions options;
    options.parse.version = level;
    const kickstart::LintResult linted = kickstart::lint(text, "fuzz.ks", options);
    if (lint_text(linted).back() != '\n' || kickstart::lint_sarif({linted}).back() != '\n') __builtin_trap();
    return 0;
}
