// SPDX-License-Identifier: Apache-2.0
// Any bytes as kickstart, a secret in the place of the first byte 1. The public text of it is public. When the parser
// takes the text and the secret has come to be a password, a passphrase or a key, it is in nothing that others read.
#include <array>
#include <set>

#include "kickstart/lint.hpp"
#include "kickstart/secrets.hpp"

namespace {

constexpr std::string_view plant = "Zq7plantZq7";

// Not by the table that is tested.
bool is_secret(const kickstart::Recipe& recipe) {
    static const std::set<std::string> options{"password", "passphrase", "hw-passphrase",    "md5pass",
                                               "wepkey",   "wpakey",     "reverse-password", "activation-key"};
    const auto planted = [](const std::string& text) { return text.find(plant) != std::string::npos; };
    for (const kickstart::Command& command : recipe.commands) {
        if (command.name == "rootpw" || command.name == "sshpw" || command.name == "key")
            for (const std::string& arg : command.args)
                if (planted(arg)) return true;
        for (const auto& [name, value] : command.options) {
            if (!options.contains(name)) continue;
            if (planted(value.text)) return true;
            for (const std::string& one : value.list)
                if (planted(one)) return true;
        }
    }
    return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    constexpr std::array levels{"", "RHEL5", "RHEL6", "RHEL7", "RHEL9", "RHEL10", "F20", "F40", "kickseed"};
    std::string text(reinterpret_cast<const char*>(data), size);
    const char* level = size == 0 ? "" : levels.at(data[0] % levels.size());
    const std::size_t place = text.find('\1');
    if (place != std::string::npos && text.find(plant) == std::string::npos) text.replace(place, 1, plant);
    const std::string shown = kickstart::public_text(text);
    if (kickstart::public_text(shown) != shown) __builtin_trap();
    kickstart::LintOptions options;
    options.parse.version = level;
    const kickstart::LintResult result = kickstart::lint(text, "fuzz.ks", options);
    if (place == std::string::npos || !is_secret(result.parsed.recipe)) return 0;
    if (shown.find(plant) != std::string::npos) __builtin_trap();
    for (const std::string& said : {lint_text(result), kickstart::lint_json({result}), kickstart::lint_sarif({result})})
        if (said.find(plant) != std::string::npos) __builtin_trap();
    return 0;
}
