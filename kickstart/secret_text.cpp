// SPDX-License-Identifier: Apache-2.0
#include "kickstart/secret_text.hpp"

#include <algorithm>
#include <array>

#include "kickstart/lines.hpp"

namespace kickstart {
namespace {

using Ranges = std::vector<TextRange>;

bool letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool digit(char c) {
    return c >= '0' && c <= '9';
}
bool of_name(char c) {
    return letter(c) || digit(c) || c == '_' || c == '-' || c == '.';
}
bool all_digits(std::string_view text) {
    return std::all_of(text.begin(), text.end(), digit);
}

std::string lower(std::string_view text) {
    std::string result(text);
    for (char& c : result)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return result;
}

template <std::size_t n>
bool one_of(std::string_view word, const std::array<std::string_view, n>& words) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

// Keys of queries that mirrors and repository browsers have, and that are nobody's secret.
bool harmless_key(std::string_view key) {
    static constexpr std::array<std::string_view, 34> keys{
        "section", "release",  "releasever", "arch",   "basearch", "repo", "repository", "infra",   "cc",
        "country", "protocol", "path",       "ip",     "version",  "dist", "distro",     "os",      "ref",
        "branch",  "tag",      "raw",        "inline", "redirect", "at",   "file",       "product", "type",
        "format",  "content",  "p",          "a",      "f",        "h",    "hb"};
    return one_of(key, keys);
}

constexpr std::size_t longest_number = 8;

// "key=value&key=value" between `begin` and `end`.
void query(std::string_view text, std::size_t begin, std::size_t end, bool shell, Ranges& found) {
    while (begin < end) {
        const std::size_t stop = std::min(text.substr(0, end).find_first_of("&;", begin), end);
        const std::string_view pair = text.substr(begin, stop - begin);
        const std::size_t equals = pair.find('=');
        const bool named = equals != std::string_view::npos;
        const std::string key = lower(pair.substr(0, equals));
        const std::string_view value = named ? pair.substr(equals + 1) : pair;
        const bool number = named && value.size() <= longest_number && all_digits(value);  // "show_bug.cgi?id=679486"
        if (!harmless_key(key) && !number && !tells_nothing(value, shell))
            found.push_back({named ? begin + equals + 1 : begin, stop});
        begin = stop + 1;
    }
}

// The address whose "://" stands at `colon`; gives where it ends.
std::size_t address(std::string_view text, std::size_t colon, bool shell, Ranges& found) {
    const std::size_t host = colon + 3;
    const std::size_t end = std::min(text.find_first_of(" \t\r\n\"'<>`|\\", host), text.size());
    const std::size_t path = std::min(text.find_first_of("/?#", host), end);
    std::size_t at = text.substr(host, path - host).rfind('@');
    at = at == std::string_view::npos ? at : at + host;
    if (at == std::string_view::npos) {
        // "http://user:pa/ss@host" and "http://user:pa": what stands behind the colon is no port.
        const std::size_t port = text.substr(host, path - host).find(':');
        const bool is_port = port == std::string_view::npos || text[host] == '[' ||
                             all_digits(text.substr(host + port + 1, path - host - port - 1)) ||
                             text[host + port + 1] == '$' || text[host + port + 1] == '(';
        if (!is_port) {
            at = text.substr(host, end - host).rfind('@');
            at = at == std::string_view::npos ? path : at + host;
        }
    }
    if (at != std::string_view::npos && at > host) {
        const std::string_view user = text.substr(host, at - host);
        const std::size_t password = user.find(':');
        const bool harmless = password == std::string_view::npos
                                  ? user == "git" || user == "anonymous" || tells_nothing(user, shell)
                                  : shell && tells_nothing(user.substr(password + 1), shell);
        if (!harmless) found.push_back({host, at});
    }
    const std::size_t from = at == std::string_view::npos ? host : std::min(at, end);
    const std::string_view whole = text.substr(0, end);
    const std::size_t hash = std::min(whole.find('#', from), end);
    if (const std::size_t question = whole.find('?', from); question < hash)
        query(text, question + 1, hash, shell, found);
    if (hash < end && whole.find('=', hash) != std::string_view::npos) query(text, hash + 1, end, shell, found);
    return std::max(end, host);
}

// The value that begins at `at`, quoted or not.
TextRange value_at(std::string_view text, std::size_t at) {
    if (at < text.size() && (text[at] == '"' || text[at] == '\'')) {
        const std::size_t end = text.find_first_of(std::string{text[at], '\n'}, at + 1);
        return {at + 1, std::min(end, text.size())};
    }
    constexpr std::size_t longest_command = 1000;
    std::size_t end = at;
    for (int open = 0; end < text.size(); ++end) {  // "$(openssl rand -hex 9)" is one value
        if (open > 0 && end - at > longest_command) break;
        if (text[end] == '(') ++open;
        if (text[end] == ')' && --open < 0) break;
        if (text[end] == '\n' || text[end] == '\r') break;
        if (open <= 0 && std::string_view(" \t,&;\"'|>").find(text[end]) != std::string_view::npos) break;
    }
    return {at, end};
}

// NAME=VALUE, "NAME": "VALUE", NAME = VALUE.
void named_values(std::string_view text, bool shell, Ranges& found) {
    constexpr std::size_t longest_name = 80;
    std::size_t next = 0;
    for (std::size_t at = text.find_first_of("=:"); at != std::string_view::npos;
         at = text.find_first_of("=:", std::max(at + 1, next))) {
        if (text.substr(at).starts_with("://") || text.substr(at).starts_with("==")) continue;
        const std::size_t least = at > longest_name ? at - longest_name : 0;
        std::size_t end = at;
        while (end > least && (text[end - 1] == ' ' || text[end - 1] == '\t' || text[end - 1] == '"' ||
                               text[end - 1] == '\'' || text[end - 1] == '+' || text[end - 1] == ']'))
            --end;
        std::size_t begin = end;
        while (begin > least && of_name(text[begin - 1])) --begin;
        if (begin == end || !names_secret(text.substr(begin, end - begin))) continue;
        if (text.substr(begin, end - begin) == "passwd" && text[at] == ':' && end == at) continue;  // nsswitch.conf
        std::size_t value = at + 1;
        while (value < text.size() && (text[value] == ' ' || text[value] == '\t' || text[value] == '>')) ++value;
        const TextRange range = value_at(text, value);
        if (!text.substr(range.begin).starts_with("$(")) next = range.end;  // a command has its own values
        if (range.end > range.begin && !tells_nothing(text.substr(range.begin, range.end - range.begin), shell))
            found.push_back(range);
    }
}

struct Shape {
    std::string_view begin;
    std::size_t least;       // characters behind it
    std::string_view other;  // than letters and digits, of which it may be made
};
// What crypt(3) makes, and the tokens of well-known services.
constexpr std::array shapes{Shape{"$1$", 13, "./$"},      Shape{"$5$", 13, "./$=,"},
                            Shape{"$6$", 13, "./$=,"},    Shape{"$2a$", 13, "./$"},
                            Shape{"$2b$", 13, "./$"},     Shape{"$2y$", 13, "./$"},
                            Shape{"$y$", 13, "./$"},      Shape{"$gy$", 13, "./$"},
                            Shape{"$7$", 13, "./$"},      Shape{"$apr1$", 8, "./$"},
                            Shape{"$md5", 13, "./$,="},   Shape{"grub.pbkdf2.", 16, "."},
                            Shape{"{SSHA}", 8, "+/="},    Shape{"{CRYPT}", 8, "./$"},
                            Shape{"AKIA", 16, ""},        Shape{"ASIA", 16, ""},
                            Shape{"AIza", 30, "_-"},      Shape{"ghp_", 20, "_"},
                            Shape{"gho_", 20, "_"},       Shape{"ghs_", 20, "_"},
                            Shape{"ghu_", 20, "_"},       Shape{"github_pat_", 20, "_"},
                            Shape{"glpat-", 16, "_-"},    Shape{"xoxb-", 10, "-"},
                            Shape{"xoxp-", 10, "-"},      Shape{"xapp-", 10, "-"},
                            Shape{"sk_live_", 12, "_"},   Shape{"npm_", 30, "_"},
                            Shape{"dckr_pat_", 16, "_-"}, Shape{"hvs.", 16, "_-"},
                            Shape{"eyJ", 20, "_-."},      Shape{"hooks.slack.com/services/", 8, "/"}};

void shaped(std::string_view text, Ranges& found) {
    for (const Shape& shape : shapes)
        for (std::size_t at = text.find(shape.begin); at != std::string_view::npos;) {
            std::size_t end = at + shape.begin.size();
            while (end < text.size() &&
                   (letter(text[end]) || digit(text[end]) || shape.other.find(text[end]) != std::string_view::npos))
                ++end;
            const bool apart = at == 0 || !(letter(text[at - 1]) || digit(text[at - 1])) || !letter(shape.begin[0]);
            if (apart && end - at >= shape.begin.size() + shape.least) found.push_back({at, end});
            at = text.find(shape.begin, end);
        }
}

// "Authorization: Bearer TOKEN" to the closing quote or the end of the line.
void headers(std::string_view text, const std::string& small, bool shell, Ranges& found) {
    for (const std::string_view header : {"authorization:", "x-auth-token:", "private-token:", "x-api-key:", "cookie:"})
        for (std::size_t at = small.find(header); at != std::string::npos;) {
            std::size_t begin = at + header.size();
            while (begin < text.size() && text[begin] == ' ') ++begin;
            const std::size_t end = std::min(text.find_first_of("\"'\r\n", begin), text.size());
            const std::string_view value = text.substr(begin, end - begin);
            const std::size_t last = value.rfind(' ');
            const std::string_view token = value.substr(last == std::string_view::npos ? 0 : last + 1);
            if (!tells_nothing(token, shell)) found.push_back({begin, end});
            at = small.find(header, end);
        }
}

Ranges credentials(std::string_view text, bool shell) {
    Ranges found;
    for (std::size_t at = text.find("://"); at != std::string_view::npos;)
        at = text.find("://", address(text, at, shell, found));
    shaped(text, found);
    headers(text, lower(text), shell, found);
    return found;
}

}  // namespace

bool names_secret(std::string_view name) {
    static constexpr std::array<std::string_view, 27> parts{
        "password",   "passwd",      "passphrase",   "passwort",      "secret",      "token",          "api_key",
        "apikey",     "api-key",     "access_key",   "accesskey",     "access-key",  "private_key",    "private-key",
        "privatekey", "auth_key",    "authkey",      "activationkey", "auth-key",    "activation_key", "activation-key",
        "credential", "one-time-pw", "userpassword", "encryptionkey", "license_key", "licensekey"};
    static constexpr std::array<std::string_view, 28> harmless_ends{
        "file",  "path",           "dir",     "days",    "length",   "len",    "age",     "count",
        "type",  "algo",           "quality", "policy",  "requires", "retry",  "retries", "prompt",
        "login", "authentication", "timeout", "minimum", "url",      "expire", ".ks",     ".cfg",
        ".sh",   ".conf",          "history", "required"};
    const std::string small = lower(name);
    if (small == "nopasswd" || small == "nopassword" || small == "no-password") return false;  // sudo's, and flags
    for (const std::string_view end : harmless_ends)
        if (small.ends_with(end)) return false;
    for (const std::string_view part : parts)
        if (small.find(part) != std::string::npos) return true;
    for (const std::string_view word : {"pass", "pwd", "pw", "psk", "wepkey", "wpakey"}) {
        if (small == word) return word != "pwd";
        if (small.size() > word.size() && small.ends_with(word) &&
            (!letter(small[small.size() - word.size() - 1]) || word == "pass" || word.size() > 4) &&
            small != "bypass" && small != "compass")
            return true;
    }
    return false;
}

bool tells_nothing(std::string_view value, bool shell) {
    static constexpr std::array<std::string_view, 31> words{"yes",
                                                            "no",
                                                            "true",
                                                            "false",
                                                            "on",
                                                            "off",
                                                            "none",
                                                            "null",
                                                            "0",
                                                            "1",
                                                            "files",
                                                            "compat",
                                                            "ldap",
                                                            "nis",
                                                            "nisplus",
                                                            "db",
                                                            "sss",
                                                            "systemd",
                                                            "winbind",
                                                            "x",
                                                            "required",
                                                            "requisite",
                                                            "sufficient",
                                                            "optional",
                                                            "include",
                                                            "substack",
                                                            "prohibit-password",
                                                            "without-password",
                                                            "enabled",
                                                            "disabled",
                                                            "*"};
    if (value.empty() || value == removed_secret || one_of(lower(value), words)) return true;
    if (value.find_first_not_of('*') == std::string_view::npos) return true;
    if (!shell) return false;
    if (value == "$" || value.starts_with('`') || (value.starts_with("$(") && value.ends_with(')'))) return true;
    if (value[0] != '$' || value.size() < 2) return false;
    std::string_view name = value.substr(1);
    if (name.starts_with('{')) return name.ends_with('}') && name.find(":-") == std::string_view::npos;
    return (digit(name[0]) && name.size() == 1) ||
           (!digit(name[0]) &&
            std::all_of(name.begin(), name.end(), [](char c) { return letter(c) || digit(c) || c == '_'; }));
}

std::vector<TextRange> credentials_without_scheme(std::string_view address) {
    if (address.find("://") != std::string_view::npos) return {};
    const std::size_t at = address.rfind('@');
    if (at == std::string_view::npos || at == 0) return {};
    return {{0, at}};
}

std::vector<TextRange> secrets_in_text(std::string_view text, bool shell) {
    std::vector<TextRange> found = credentials(text, shell);
    named_values(text, shell, found);
    unite(found);
    return found;
}

std::string without_credentials(std::string_view message) {
    std::vector<TextRange> found = credentials(message, false);
    unite(found);
    return without(message, found);
}

void unite(std::vector<TextRange>& ranges) {
    std::sort(ranges.begin(), ranges.end(), [](const TextRange& a, const TextRange& b) { return a.begin < b.begin; });
    std::size_t kept = 0;
    for (const TextRange& range : ranges) {
        if (kept > 0 && range.begin <= ranges[kept - 1].end)
            ranges[kept - 1].end = std::max(ranges[kept - 1].end, range.end);
        else
            ranges[kept++] = range;
    }
    ranges.resize(kept);
}

std::string without(std::string_view text, const std::vector<TextRange>& ranges) {
    std::string shown;
    std::size_t from = 0;
    for (const TextRange& range : ranges) {
        shown += text.substr(from, range.begin - from);
        shown += removed_secret;
        from = range.end;
    }
    return shown + std::string(text.substr(from));
}

std::string without_secrets_in_text(std::string_view text) {
    return without(text, secrets_in_text(text));
}

}  // namespace kickstart
