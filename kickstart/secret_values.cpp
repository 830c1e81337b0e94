// SPDX-License-Identifier: Apache-2.0
#include "kickstart/secret_values.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

namespace kickstart {
namespace {

using Values = std::set<std::string>;

// By primary name, of whatever command has it.
constexpr std::array<std::string_view, 9> secret_options{"password",         "md5pass",        "passphrase",
                                                         "hw-passphrase",    "wepkey",         "wpakey",
                                                         "reverse-password", "activation-key", "one-time-password"};
// Commands whose argument is a password.
constexpr std::array<std::string_view, 2> secret_arguments{"rootpw", "sshpw"};

template <std::size_t size>
bool among(const std::array<std::string_view, size>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

int hex(char c) {
    constexpr std::string_view digits = "0123456789abcdef";
    const char lower = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
    const std::size_t at = digits.find(lower);
    return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

std::string percent_read(std::string_view text) {
    std::string read;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const bool escape = text[at] == '%' && at + 2 < text.size() && hex(text[at + 1]) >= 0 && hex(text[at + 2]) >= 0;
        read += escape ? static_cast<char>(hex(text[at + 1]) * 16 + hex(text[at + 2])) : text[at];
        if (escape) at += 2;
    }
    return read;
}

void add(Values& values, const std::string& value) {
    if (!value.empty()) values.insert(value);
}

void add_address(Values& values, std::string_view word) {
    const std::size_t scheme = word.find("://");
    if (scheme == std::string_view::npos) return;
    const std::string_view authority = word.substr(scheme + 3, word.find_first_of("/?#", scheme + 3) - scheme - 3);
    const std::size_t at = authority.rfind('@');
    if (at == std::string_view::npos || at == 0) return;
    const std::string_view credentials = authority.substr(0, at);
    const std::size_t colon = credentials.find(':');
    const std::string_view password = colon == std::string_view::npos ? credentials : credentials.substr(colon + 1);
    for (const std::string_view secret : {credentials, password}) {
        add(values, std::string(secret));
        add(values, percent_read(secret));
    }
}

void add_option(Values& values, const std::string& name, const OptionValue& value) {
    const bool secret = among(secret_options, name);
    const auto take = [&](const std::string& text) {
        if (secret) add(values, text);
        add_address(values, text);
    };
    take(value.text);
    for (const std::string& text : value.list) take(text);
    for (const auto& [first, second] : value.pairs) {
        take(first);
        take(second);
    }
}

// Of commands whose words nobody looks at: "--NAME=VALUE" and "--NAME VALUE".
void add_words(Values& values, const std::vector<std::string>& words) {
    for (std::size_t i = 0; i < words.size(); ++i) {
        add_address(values, words[i]);
        if (!words[i].starts_with("--")) continue;
        const std::size_t equals = words[i].find('=');
        if (!among(secret_options, std::string_view(words[i]).substr(2, equals - 2))) continue;
        if (equals != std::string::npos)
            add(values, words[i].substr(equals + 1));
        else if (i + 1 < words.size())
            add(values, words[i + 1]);
    }
}

}  // namespace

std::vector<std::string> secret_values(const Recipe& recipe) {
    Values values;
    for (const Command& command : recipe.commands) {
        for (const auto& [name, value] : command.options) add_option(values, name, value);
        for (const std::string& argument : command.args) {
            if (among(secret_arguments, command.name) && !command.options.contains("sshkey")) add(values, argument);
            add_address(values, argument);
        }
        add_words(values, command.words);
    }
    for (const OptionComment& option : recipe.options) add_address(values, option.value);
    return {values.begin(), values.end()};
}

std::vector<std::string> secrets_of_address(const std::string& address) {
    Values values;
    add_address(values, address);
    return {values.begin(), values.end()};
}

}  // namespace kickstart
