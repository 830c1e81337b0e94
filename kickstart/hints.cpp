// SPDX-License-Identifier: Apache-2.0
#include "kickstart/hints.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "kickstart/lines.hpp"

namespace kickstart::hints {
namespace {

constexpr const char* continued = "; this looks like a continued line, and kickstart has none: write it in one line";

bool begins_with_dash(std::string_view word) {
    return word.starts_with("\xe2\x80\x93") || word.starts_with("\xe2\x80\x94") || word.starts_with("-\xe2\x80\x93") ||
           word.starts_with("-\xe2\x80\x94") || word.starts_with("\xe2\x88\x92");
}

bool is_template(std::string_view word) {
    for (const char* mark : {"{{", "${", "<%", "%%", "@@", "{%", "#if", "$$"})
        if (word.find(mark) != std::string_view::npos) return true;
    return false;
}

const std::set<std::string, std::less<>>& shell_commands() {
    static const std::set<std::string, std::less<>> commands{"apt",
                                                             "apt-get",
                                                             "awk",
                                                             "bash",
                                                             "cat",
                                                             "cd",
                                                             "chkconfig",
                                                             "chmod",
                                                             "chown",
                                                             "chroot",
                                                             "chvt",
                                                             "cp",
                                                             "curl",
                                                             "dnf",
                                                             "do",
                                                             "done",
                                                             "dpkg",
                                                             "echo",
                                                             "else",
                                                             "EOF",
                                                             "exec",
                                                             "exit",
                                                             "export",
                                                             "fi",
                                                             "find",
                                                             "for",
                                                             "grep",
                                                             "groupadd",
                                                             "grub2-mkconfig",
                                                             "if",
                                                             "ln",
                                                             "mkdir",
                                                             "mv",
                                                             "passwd",
                                                             "perl",
                                                             "ping",
                                                             "printf",
                                                             "python",
                                                             "rm",
                                                             "rpm",
                                                             "sed",
                                                             "service",
                                                             "set",
                                                             "sh",
                                                             "sleep",
                                                             "source",
                                                             "sudo",
                                                             "sync",
                                                             "systemctl",
                                                             "tar",
                                                             "tee",
                                                             "then",
                                                             "touch",
                                                             "umount",
                                                             "useradd",
                                                             "usermod",
                                                             "wget",
                                                             "while",
                                                             "yum",
                                                             "yumdownloader"};
    return commands;
}

// The levels of `all` at which `known` holds: "RHEL7 to RHEL9".
template <class Known>
std::string levels_where(Known known) {
    int first = 0, last = 0;
    for (int number = 5; number <= 10; ++number)
        if (known(CommandTable::at({Level::Family::rhel, number}))) {
            if (first == 0) first = number;
            last = number;
        }
    if (first == 0) return {};
    const std::string from = "RHEL" + std::to_string(first), to = "RHEL" + std::to_string(last);
    return first == last ? from : from + " to " + to;
}

// Mistakes of old files and of other tools' dialects, with what is written today.
struct Replacement {
    const char *command, *option, *instead;
};
constexpr std::array replacements{
    Replacement{"selinux", "enabled", "--enforcing"},
    Replacement{"selinux", "enable", "--enforcing"},
    Replacement{"selinux", "disable", "--disabled"},
    Replacement{"rootpw", "disabled", "--lock"},
    Replacement{"user", "fullname", "--gecos"},
    Replacement{"user", "group", "--groups"},
    Replacement{"user", "username", "--name"},
    Replacement{"timezone", "isUtc", "--utc"},
    Replacement{"timezone", "ntpservers", "timesource --ntp-server=…, a line for each server"},
    Replacement{"timezone", "nontp", "timesource --ntp-disable"},
    Replacement{"%packages", "nobase", "nothing: no base group is added any more"},
    Replacement{"%packages", "instLangs", "--inst-langs"},
    Replacement{"%packages", "excludeWeakdeps", "--exclude-weakdeps"},
    Replacement{"%post", "nochroot=true", "--nochroot"},
    Replacement{"part", "asprimary=true", "--asprimary"},
    Replacement{"network", "dns", "--nameserver"},
    Replacement{"network", "ipaddr", "--ip"},
    Replacement{"services", "enable", "--enabled"},
    Replacement{"services", "disable", "--disabled"},
    Replacement{"bootloader", "md5pass", "--iscrypted --password"},
};

}  // namespace

std::string unknown_command(const std::vector<Word>& words, const CommandTable& table, Level level) {
    const std::string& name = words[0].text;
    if (begins_with_dash(name)) return "; this is a long dash, not --";
    if (name.starts_with("--") || name == "\\") return continued;
    if (is_template(name)) return "; this looks like a template whose values were not filled in";
    if (name == "langsupport") return "; write lang --addsupport, or read the file at level kickseed or RHEL5";
    if (name.starts_with("@") || (name.starts_with("-") && name.size() > 1))
        return "; packages and groups stand between %packages and %end";
    if (shell_commands().contains(name) || name.starts_with("/") || name.find("=$") != std::string::npos ||
        (words.size() > 1 && (words.back().text == "\\" || words[1].text == "|" || words[1].text == ">")))
        return "; a shell command belongs in a %post section";
    std::string lowered = name;
    for (char& c : lowered) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    if (lowered != name && table.command(lowered)) return "; commands are written in lower case: " + lowered;
    const std::string levels = levels_where([&](const CommandTable& other) { return other.command(name) != nullptr; });
    if (!levels.empty()) return "; it is known at " + levels + ", not at " + level_name(level);
    const std::string near = closest(name, table.command_names());
    return near.empty() ? "" : "; did you mean " + near + "?";
}

std::string unknown_option(const CommandRule& rule, const std::string& name, Level level) {
    for (const Replacement& known : replacements)
        if (rule.name == known.command && name == known.option) return "; write " + std::string(known.instead);
    const auto knows = [&](const CommandTable& table) {
        const CommandRule* other = rule.name.starts_with('%') ? table.section(rule.name) : table.command(rule.name);
        std::vector<std::string> candidates;
        return other && other->option(name, candidates) && candidates.size() == 1 && candidates[0] == name;
    };
    const std::string levels = levels_where(knows);
    if (!levels.empty()) return "; it is known at " + levels + ", not at " + level_name(level);
    std::vector<std::string> options;
    for (const OptionRule& option : rule.options)
        options.insert(options.end(), option.names.begin(), option.names.end());
    const std::string near = closest(name, options);
    return near.empty() ? "" : "; did you mean --" + near + "?";
}

std::string removed_command(const std::string& name) {
    if (name == "auth" || name == "authconfig") return "; write authselect";
    return name == "install" ? "; leave the line out, installing is what is done anyway" : "";
}

std::string unexpected_word(const CommandRule& rule, const std::vector<Word>& words, const Word& unexpected) {
    const std::string& word = unexpected.text;
    if (begins_with_dash(word)) return "; this is a long dash, not --";
    if (word == "\n" || word == "\r") return continued;
    if (word == "\\") return continued;
    if (is_template(word)) return "; this looks like a template whose values were not filled in";
    if (rule.name == "zerombr") return "; it takes no words since RHEL6, leave them out";
    if (rule.name == "sshkey") return "; a key with blanks in it must stand in quotes";
    std::vector<std::string> candidates;
    const std::string name = word.substr(0, word.find('='));
    if (!name.empty() && rule.option(name, candidates) && (candidates[0] == name))
        return "; the -- before it is missing: --" + word;
    for (std::size_t at = 1; at < words.size(); ++at)
        if (words[at].column == unexpected.column && words[at - 1].text.ends_with(','))
            return "; a list has no blanks after its commas, unless it is in quotes";
    return {};
}

std::string unclosed_section(const std::vector<std::string_view>& lines, const std::string& ended_by) {
    std::string waiting;
    for (const std::string_view line : lines) {
        if (!waiting.empty()) {
            if (trimmed(line) == waiting) waiting.clear();
            continue;
        }
        const std::size_t at = line.find("<<");
        if (at == std::string_view::npos || line.substr(at).starts_with("<<<")) continue;
        std::string_view word = line.substr(at + 2);
        while (!word.empty() && (word.front() == '-' || word.front() == ' ' || word.front() == '\\'))
            word.remove_prefix(1);
        const bool quoted = word.starts_with('\'') || word.starts_with('"');
        if (quoted) word.remove_prefix(1);
        word =
            word.substr(0, word.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-!"));
        waiting = word;
    }
    if (waiting.empty() || ended_by.empty()) return {};
    return "; this line is in the here-document that ends with " + shown(waiting) + ", but a line that begins with " +
           ended_by + " ends a section even there: write it with printf";
}

}  // namespace kickstart::hints
