// SPDX-License-Identifier: Apache-2.0
#include "server/publish/public_recipe.hpp"

#include <algorithm>
#include <array>

namespace server::publish {
namespace {

constexpr std::string_view removed = "(removed)";

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

// The word that begins at `at`: to the next space outside of quotes.
std::size_t word_end(std::string_view line, std::size_t at) {
    for (char quote = 0; at < line.size(); ++at) {
        if (quote == 0 && is_space(line[at])) break;
        if (line[at] == '\\' && at + 1 < line.size())
            ++at;
        else if (quote != 0 && line[at] == quote)
            quote = 0;
        else if (quote == 0 && (line[at] == '"' || line[at] == '\''))
            quote = line[at];
    }
    return std::min(at, line.size());
}

bool holds_secret(std::string_view option) {
    return option.starts_with("--") && option.find("pass") != std::string_view::npos && option != "--backuppassphrase";
}

// "http://user:secret@host" keeps its host.
std::string without_credentials(std::string_view word) {
    const std::size_t scheme = word.find("://");
    if (scheme == std::string_view::npos) return std::string(word);
    const std::size_t host = scheme + 3, end = std::min(word.find('/', host), word.size()),
                      at = word.substr(0, end).rfind('@');
    if (at == std::string_view::npos || at < host) return std::string(word);
    return std::string(word.substr(0, host)) + std::string(removed) + std::string(word.substr(at));
}

std::string public_line(std::string_view line) {
    std::string shown;
    std::string_view command;
    bool next_is_secret = false;
    for (std::size_t at = 0; at < line.size();) {
        if (is_space(line[at])) {
            shown += line[at++];
            continue;
        }
        const std::size_t end = word_end(line, at);
        const std::string_view word = line.substr(at, end - at), option = word.substr(0, word.find('='));
        const bool is_option = word.starts_with("--");
        if (command.empty()) {
            command = word;
            shown += word;
        } else if (is_option && holds_secret(option)) {
            shown += option;
            if (option.size() < word.size())
                shown += "=" + std::string(removed);
            else
                next_is_secret = true;
        } else if (!is_option && (next_is_secret || command == "rootpw" || command == "sshpw")) {
            shown += removed;
            next_is_secret = false;
        } else {
            shown += without_credentials(word);
            next_is_secret = false;
        }
        at = end;
    }
    return shown;
}

}  // namespace

std::string public_recipe(std::string_view text) {
    constexpr std::array scripts{"%pre", "%pre-install", "%post", "%onerror", "%traceback"};
    std::string shown;
    bool in_script = false;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        const std::string_view line = text.substr(at, end - at);
        const std::size_t first = std::min(line.find_first_not_of(" \t"), line.size());
        const std::string_view word = line.substr(first, word_end(line, first) - first);
        if (in_script || word.starts_with('#'))
            shown += line;
        else
            shown += public_line(line);
        if (word == "%end")
            in_script = false;
        else if (std::find(scripts.begin(), scripts.end(), word) != scripts.end())
            in_script = true;
        if (end < text.size()) shown += '\n';
        at = end + 1;
    }
    return shown;
}

}  // namespace server::publish
