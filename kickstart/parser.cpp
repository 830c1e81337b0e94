// SPDX-License-Identifier: Apache-2.0
#include "kickstart/parser.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>

#include "kickstart/command_table.hpp"
#include "kickstart/option_parser.hpp"
#include "kickstart/package_list.hpp"
#include "kickstart/recipe_builder.hpp"
#include "kickstart/words.hpp"

namespace kickstart {
namespace {

bool valid_version(std::string_view version) {
    for (const auto& [prefix, lowest, highest] : {std::tuple{"RHEL", 5, 10}, std::tuple{"F", 9, 45}})
        for (int level = lowest; level <= highest; ++level)
            if (version == prefix + std::to_string(level)) return true;
    return false;
}

struct Line {
    std::string_view text;  // without its end
    std::string_view raw;   // with it
};

// LF, CRLF and lone CR end a line.
std::vector<Line> split_lines(std::string_view text) {
    std::vector<Line> lines;
    std::size_t begin = 0;
    while (begin < text.size()) {
        std::size_t end = text.find_first_of("\r\n", begin);
        if (end == std::string_view::npos) end = text.size();
        std::size_t next = end;
        if (next < text.size()) next += text.substr(next).starts_with("\r\n") ? 2 : 1;
        lines.push_back({text.substr(begin, end - begin), text.substr(begin, next - begin)});
        begin = next;
    }
    return lines;
}

std::string_view first_word(std::string_view line) {
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return {};
    const std::size_t end = line.find_first_of(" \t", begin);
    return line.substr(begin, end == std::string_view::npos ? end : end - begin);
}

bool blank(std::string_view text) {
    return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

class Parser {
public:
    Parser(std::string_view text, std::string version) {
        result_.recipe.version = std::move(version);
        if (text.starts_with("\xef\xbb\xbf")) {
            warn(1, "the file begins with a byte order mark, which Anaconda does not take");
            text.remove_prefix(3);
        }
        lines_ = split_lines(text);
    }

    ParseResult parse() {
        for (at_ = 0; at_ < lines_.size() && !fatal_; ++at_) command_line();
        for (const Diagnostic& problem : problems_) result_.diagnostics.push_back(problem);
        std::stable_sort(result_.diagnostics.begin(), result_.diagnostics.end(),
                         [](const Diagnostic& a, const Diagnostic& b) { return a.line < b.line; });
        build_recipe(result_.recipe);
        return std::move(result_);
    }

private:
    int line_number() const { return static_cast<int>(at_) + 1; }
    void error(int line, const std::string& message, int column = 0) {
        problems_.push_back({line, column, Severity::error, "other", message});
    }
    void warn(int line, const std::string& message, const char* kind = "other") {
        problems_.push_back({line, 0, Severity::warning, kind, message});
    }

    void special_comment(std::string_view text) {
        Recipe& recipe = result_.recipe;
        const auto rest = [&](std::string_view prefix) {
            std::string_view value = text.substr(prefix.size());
            while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
            while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
            return std::string(value);
        };
        if (text.starts_with("#version=") && !recipe.version_comment) recipe.version_comment = rest("#version=");
        if (text.starts_with("#platform=")) recipe.platform = rest("#platform=");
        if (!text.starts_with("#xenkiln:")) return;
        const Words words = split_words(text.substr(std::string_view("#xenkiln:").size()));
        if (!words.error.empty()) return error(line_number(), "#xenkiln: " + words.error);
        for (const Word& word : words.words) {
            const std::size_t equals = word.text.find('=');
            if (equals == std::string::npos || equals == 0)
                error(line_number(), "#xenkiln: '" + word.text + "' is not key=value", word.column);
            else
                recipe.options.push_back({line_number(), word.text.substr(0, equals), word.text.substr(equals + 1)});
        }
    }

    void command_line() {
        const std::string_view text = lines_[at_].text;
        special_comment(text);
        const Words words = split_words(text);
        if (!words.error.empty()) {
            error(line_number(), words.error + " in: " + std::string(text.substr(0, 200)), words.error_column);
            fatal_ = true;
            return;
        }
        if (words.words.empty()) return;
        const std::string& name = words.words[0].text;
        if (name == "%include" || name == "%ksappend") return include(words, "commands");
        if (name.starts_with('%')) return section(words);
        if (name.empty()) return error(line_number(), "the command word is empty", words.words[0].column);
        const CommandRule* rule = find_command(name);
        if (!rule) return unknown_command(words.words);
        const std::size_t before = problems_.size();
        Command command = parse_options(*rule, words.words, line_number(), problems_);
        check_conflicts(*rule, words.words[0]);
        if (problems_.size() != before) return;
        if (rule->deprecated)
            warn(line_number(),
                 "Ignoring deprecated command on line " + std::to_string(line_number()) + ": the " + name +
                     " command has no effect",
                 "deprecated");
        seen_.insert(name);
        result_.recipe.commands.push_back(std::move(command));
    }

    void check_conflicts(const CommandRule& rule, const Word& word) {
        for (const std::string& other : rule.conflicts)
            if (seen_.contains(other))
                return error(line_number(),
                             "The " + rule.name + " and " + other + " commands can't be used at the same time.",
                             word.column);
    }

    void unknown_command(const std::vector<Word>& words) {
        const std::string& name = words[0].text;
        std::string hint;
        static const std::set<std::string> shell{
            "systemctl", "rpm", "yum", "dnf",   "apt-get", "apt",     "echo", "cat",  "sed", "mkdir", "cp",
            "mv",        "rm",  "ln",  "chmod", "chown",   "useradd", "wget", "curl", "if",  "fi",    "EOF"};
        std::string lowered = name;
        for (char& c : lowered) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
        const std::string near = closest(name, command_names());
        if (name.starts_with("--"))
            hint = "; this looks like a continued line, and kickstart has none";
        else if (shell.contains(name))
            hint = "; a shell command belongs in a %post section";
        else if (lowered != name && find_command(lowered))
            hint = "; commands are written in lower case: " + lowered;
        else if (!near.empty())
            hint = "; did you mean " + near + "?";
        error(line_number(), "Unknown command: " + name.substr(0, 200) + hint, words[0].column);
    }

    void include(const Words& words, const std::string& where) {
        if (words.words[0].text == "%ksappend") return;
        if (words.words.size() != 2)
            return error(line_number(), "%include needs one file name, has " + std::to_string(words.words.size() - 1));
        result_.recipe.includes.push_back({line_number(), words.words[1].text, where});
    }

    void section(const Words& words) {
        const std::string name = words.words[0].text;
        if (name == "%end") return error(line_number(), "%end without a section before it", words.words[0].column);
        const CommandRule* rule = find_section(name);
        if (!rule) {
            error(line_number(), "Unknown kickstart section: " + name.substr(0, 200), words.words[0].column);
            fatal_ = true;
            return;
        }
        const int header = line_number();
        const std::size_t before = problems_.size();
        Command command = parse_options(*rule, words.words, header, problems_);
        std::string body;
        for (++at_; at_ < lines_.size(); ++at_) {
            const std::string_view word = first_word(lines_[at_].text);
            if (word == "%end") return close(command, body, problems_.size() == before);
            if (word == "%include") {
                const Words line = split_words(lines_[at_].text);
                if (line.error.empty()) include(line, name);
                continue;
            }
            if (find_section(word)) break;
            if (name == "%packages")
                package_line(command);
            else
                body += lines_[at_].raw;
        }
        error(header, "Section " + name + " does not end with %end.");
        fatal_ = true;
    }

    void package_line(const Command&) { packages_.add(lines_[at_].text, line_number(), problems_); }

    void close(const Command& header, const std::string& body, bool accepted) {
        if (!accepted) return;
        const auto text = [&](const char* name) {
            const auto found = header.options.find(name);
            return found == header.options.end() ? std::string() : found->second.text;
        };
        Recipe& recipe = result_.recipe;
        const std::string& name = header.name;
        if (name == "%packages") {
            recipe.packages = packages_.packages(header, recipe.packages);
        } else if (name == "%certificate") {
            recipe.certificates.push_back({header.line, text("filename"), text("dir"), text("type"), body});
        } else if (name == "%addon" || name == "%anaconda") {
            recipe.others.push_back({header.line, name.substr(1), header.args, body});
        } else if (!blank(body)) {
            Script script;
            script.line = header.line;
            script.section = name == "%pre"           ? Section::pre
                             : name == "%pre-install" ? Section::pre_install
                             : name == "%post"        ? Section::post
                             : name == "%onerror"     ? Section::on_error
                                                      : Section::traceback;
            if (header.options.contains("interpreter")) script.interpreter = text("interpreter");
            script.chroot = name == "%post" && !header.options.contains("nochroot");
            script.error_on_fail = header.options.contains("erroronfail");
            script.log = text("log");
            script.body = body;
            recipe.scripts.push_back(std::move(script));
        }
    }

    std::vector<Line> lines_;
    std::size_t at_ = 0;
    bool fatal_ = false;
    ParseResult result_;
    std::vector<Diagnostic> problems_;
    std::set<std::string> seen_;
    PackageList packages_;
};

}  // namespace

bool ParseResult::ok() const {
    return std::none_of(diagnostics.begin(), diagnostics.end(),
                        [](const Diagnostic& d) { return d.severity == Severity::error; });
}

std::string default_version() {
    return "RHEL9";
}

ParseResult parse(std::string_view text, const ParseOptions& options) {
    std::string version = options.version;
    if (!version.empty() && !valid_version(version))
        throw std::invalid_argument("unknown kickstart syntax level '" + version +
                                    "'; known are RHEL5 to RHEL10 and F9 to F45");
    if (version.empty()) {
        const std::size_t at = text.starts_with("#version=") ? 0 : text.find("\n#version=");
        if (at != std::string_view::npos) {
            std::string_view rest = text.substr(text.find('=', at) + 1);
            rest = rest.substr(0, rest.find_first_of(" \t\r\n"));
            if (valid_version(rest)) version = rest;
        }
        if (version.empty()) version = default_version();
    }
    return Parser(text, version).parse();
}

}  // namespace kickstart
