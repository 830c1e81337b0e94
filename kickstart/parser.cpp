// SPDX-License-Identifier: Apache-2.0
#include "kickstart/parser.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>

#include "kickstart/command_table.hpp"
#include "kickstart/hints.hpp"
#include "kickstart/includes.hpp"
#include "kickstart/level_guess.hpp"
#include "kickstart/lines.hpp"
#include "kickstart/option_parser.hpp"
#include "kickstart/package_list.hpp"
#include "kickstart/recipe_builder.hpp"
#include "kickstart/secret_text.hpp"
#include "kickstart/secrets.hpp"
#include "kickstart/words.hpp"

namespace kickstart {
namespace {

// A text with so many errors and warnings is read no further.
constexpr std::size_t most_problems = 2000;

class Parser {
public:
    Parser(std::string_view text, const Sources& sources, Level level, bool forgiving)
        : table_(CommandTable::at(level)), sources_(sources), level_(level), forgiving_(forgiving) {
        result_.recipe.version = level_name(level);
        if (forgiving && text.starts_with(byte_order_mark)) {
            warn(1, "the file begins with a byte order mark, which Anaconda does not take");
            text.remove_prefix(byte_order_mark.size());
        }
        lines_ = split_lines(text);
        if (const auto bad = bad_utf8(text)) {
            not_utf8(text, *bad);
            return;
        }
        for (std::size_t at = text.find('\0'); at != std::string_view::npos && problems_.size() < most_problems;) {
            const std::size_t line = line_of(text, at);
            error(static_cast<int>(line) + 1, "there is a NUL byte in the line",
                  static_cast<int>(text.data() + at - lines_[line].text.data()) + 1);
            at = text.find('\0',
                           static_cast<std::size_t>(lines_[line].raw.data() - text.data()) + lines_[line].raw.size());
        }
    }

    ParseResult parse() {
        for (at_ = 0; at_ < lines_.size() && !fatal_; ++at_) {
            command_line();
            if (problems_.size() < most_problems || fatal_ || at_ + 1 == lines_.size()) continue;
            error(line_number() + 1, "there are " + std::to_string(problems_.size()) +
                                         " errors and warnings above; the rest of the file is not read");
            fatal_ = true;
        }
        for (Diagnostic& problem : problems_)
            if (const auto line = static_cast<std::size_t>(problem.line) - 1; line < lines_.size())
                problem.message = message_without_secrets(std::move(problem.message), lines_[line].text);
        result_.diagnostics = std::move(problems_);
        std::stable_sort(result_.diagnostics.begin(), result_.diagnostics.end(),
                         [](const Diagnostic& a, const Diagnostic& b) { return a.line < b.line; });
        build_recipe(result_.recipe);
        return std::move(result_);
    }

private:
    // A line as a message names it: that of the file it came from.
    std::string said(int line) const {
        const Sources::Place place = sources_.place(line);
        return "line " + std::to_string(place.line) +
               (place.file > 0 ? " of " + shown(sources_.files[static_cast<std::size_t>(place.file)]) : "");
    }
    int line_number() const { return static_cast<int>(at_) + 1; }
    void error(int line, const std::string& message, int column = 0) {
        problems_.push_back({line, column, Severity::error, "other", message});
    }
    void warn(int line, const std::string& message, const char* kind = "other") {
        problems_.push_back({line, 0, Severity::warning, kind, message});
    }

    std::size_t line_of(std::string_view text, std::size_t at) const {
        const auto after =
            std::upper_bound(lines_.begin(), lines_.end(), text.data() + at,
                             [](const char* place, const TextLine& line) { return place < line.raw.data(); });
        return static_cast<std::size_t>(after - lines_.begin()) - 1;
    }
    void not_utf8(std::string_view text, std::size_t at) {
        const std::size_t line = line_of(text, at);
        error(static_cast<int>(line) + 1,
              "not valid UTF-8: byte " + std::to_string(static_cast<unsigned char>(text[at])) +
                  "; kickstart files are UTF-8 (convert this one with iconv)",
              static_cast<int>(text.data() + at - lines_[line].text.data()) + 1);
        fatal_ = true;
    }

    void special_comment(std::string_view text) {
        Recipe& recipe = result_.recipe;
        if (!text.starts_with('#')) return;
        const auto rest = [&](std::string_view prefix) { return std::string(trimmed(text.substr(prefix.size()))); };
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
        special_comment(lines_[at_].text);
        const Words words = split_words(lines_[at_].raw);
        if (!words.error.empty()) {
            error(line_number(), words.error + " in: " + shown(without_secrets(lines_[at_].text)), words.error_column);
            fatal_ = true;
            return;
        }
        if (words.words.empty()) return;
        const std::string& name = words.words[0].text;
        if (name == "%include" || name == "%ksappend") return include(words, "commands");
        if (name.starts_with('%')) return section(words);
        if (name.empty()) return error(line_number(), "the command word is empty", words.words[0].column);
        const CommandRule* rule = table_.command(name);
        if (!rule) return unknown_command(words.words);
        if (rule->removed)
            return error(line_number(),
                         name + " has been removed at level " + level_name(level_) + hints::removed_command(name),
                         words.words[0].column);
        const bool conflicting = conflicts(*rule, words.words[0]);
        seen_.insert(name);
        warn_of(*rule, words.words[0]);
        auto command = parse_options(*rule, words.words, line_number(), level_, problems_);
        if (!command || conflicting) return;
        warn_if_repeated(*command);
        result_.recipe.commands.push_back(std::move(*command));
    }

    void warn_of(const CommandRule& rule, const Word& word) {
        if (rule.deprecated)
            warn(line_number(), "the " + rule.name + " command is deprecated and has no effect", "deprecated");
        else if (!rule.warning.empty())
            warn(line_number(), rule.warning, "deprecated");
        else if (rule.name == "zerombr" && in_range(level_, "R5") && trimmed(lines_[at_].text) != word.text)
            warn(line_number(), "zerombr no longer takes any words; they have no effect", "deprecated");
    }

    // Two partitions for one mount point, two users of one name …: Anaconda says so and takes both.
    void warn_if_repeated(const Command& command) {
        const auto option = [&](const char* name) {
            const auto found = command.options.find(name);
            return found == command.options.end() ? std::string() : found->second.text;
        };
        const std::string& name = command.name;
        const bool partition = name == "part" || name == "partition";
        if (partition && (command.args[0] == "swap" || command.args[0] == "none")) return;
        const std::string what = partition || name == "volgroup" ? command.args[0]
                                 : name == "network"             ? option("device")
                                 : name == "raid"                ? option("device")
                                 : name == "logvol"              ? option("vgname") + "/" + option("name")
                                 : name == "user" || name == "group" || name == "repo" ? option("name")
                                                                                       : "";
        if (what.empty()) return;
        const auto [before, fresh] = first_.try_emplace((partition ? "part" : name) + " " + what, line_number());
        if (!fresh)
            warn(line_number(), name + " " + shown(what) + " has already been defined in " + said(before->second));
    }

    bool conflicts(const CommandRule& rule, const Word& word) {
        for (const std::string& other : rule.conflicts)
            if (seen_.contains(other)) {
                error(line_number(), "The " + rule.name + " and " + other + " commands can't be used at the same time.",
                      word.column);
                return true;
            }
        return false;
    }

    void unknown_command(const std::vector<Word>& words) {
        const std::string& name = words[0].text;
        error(line_number(), "Unknown command: " + shown(name) + hints::unknown_command(words, table_, level_),
              words[0].column);
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
        const CommandRule* rule = table_.section(name);
        if (!rule) {
            error(line_number(), "Unknown kickstart section: " + shown(name), words.words[0].column);
            fatal_ = true;
            return;
        }
        const int header = line_number();
        warn_of(*rule, words.words[0]);
        const auto command = parse_options(*rule, words.words, header, level_, problems_);
        std::string body;
        for (++at_; at_ < lines_.size(); ++at_) {
            const std::string_view word = first_word(lines_[at_].text);
            if (word == "%end") return close(name, command, header, body);
            if (word == "%include") {
                const Words line = split_words(lines_[at_].raw);
                if (line.error.empty()) include(line, name);
                continue;
            }
            if (word.starts_with('%') && table_.section(word)) break;
            if (name == "%packages")
                packages_.add(lines_[at_].text, line_number(), problems_);
            else
                body += lines_[at_].raw;
        }
        unclosed(name, header);
        if (!fatal_) close(name, command, header, body);
        --at_;  // the line that ended it is read as a command line again
    }

    void unclosed(const std::string& name, int header) {
        if (table_.end_is_optional()) return;
        const bool at_end = at_ == lines_.size();
        const int noticed = at_end ? line_number() - 1 : line_number();
        std::vector<std::string_view> body;
        for (std::size_t line = static_cast<std::size_t>(header); line < at_; ++line) body.push_back(lines_[line].text);
        const std::string ended_by(at_end ? "" : first_word(lines_[at_].text));
        const std::string message = "Section " + name + " does not end with %end. It begins in " + said(header) +
                                    (at_end ? "" : "; here begins " + ended_by) +
                                    hints::unclosed_section(body, ended_by);
        if (forgiving_ && in_range(level_, "R6")) return warn(noticed, message);
        error(noticed, message);
        fatal_ = true;
    }

    void close(const std::string& name, const std::optional<Command>& header, int line, const std::string& body) {
        Recipe& recipe = result_.recipe;
        if (name == "%packages" && (header || recipe.packages || !packages_.empty()))
            recipe.packages = packages_.packages(header, line, recipe.packages);
        if (name == "%packages" || !header) return;
        const auto text = [&](const char* option) {
            const auto found = header->options.find(option);
            return found == header->options.end() ? std::string() : found->second.text;
        };
        if (name == "%certificate") {
            recipe.certificates.push_back({line, text("filename"), text("dir"), text("type"), body});
        } else if (name == "%addon" || name == "%anaconda") {
            recipe.others.push_back({line, name.substr(1), header->args, body});
        } else if (!blank(body)) {
            Script script;
            script.line = line;
            script.section = name == "%pre"           ? Section::pre
                             : name == "%pre-install" ? Section::pre_install
                             : name == "%post"        ? Section::post
                             : name == "%onerror"     ? Section::on_error
                                                      : Section::traceback;
            if (header->options.contains("interpreter")) script.interpreter = text("interpreter");
            script.chroot = name == "%post" && !header->options.contains("nochroot");
            script.error_on_fail = header->options.contains("erroronfail");
            script.log = text("log");
            script.body = body;
            if (level_.family == Level::Family::kickseed && body.starts_with("#!") &&
                !header->options.contains("interpreter"))
                script.interpreter = std::string(trimmed(std::string_view(body).substr(2, body.find('\n') - 2)));
            recipe.scripts.push_back(std::move(script));
        }
    }

    const CommandTable& table_;
    const Sources& sources_;
    Level level_;
    bool forgiving_;
    std::vector<TextLine> lines_;
    std::size_t at_ = 0;
    bool fatal_ = false;
    ParseResult result_;
    std::vector<Diagnostic> problems_;
    std::set<std::string> seen_;
    std::map<std::string, int> first_;  // what has been defined, in which line
    PackageList packages_;
};

}  // namespace

bool ParseResult::ok() const {
    return std::none_of(diagnostics.begin(), diagnostics.end(),
                        [](const Diagnostic& d) { return d.severity == Severity::error; });
}

std::string default_version() {
    return level_name(default_level);
}

ParseResult parse_at(std::string_view text, const Sources& sources, Level level, bool forgiving) {
    return Parser(text, sources, level, forgiving).parse();
}

namespace {

ParseResult parse_text(std::string_view text, const Sources& sources, const ParseOptions& options) {
    if (options.version.empty()) return parse_at_guessed_level(text, sources, options.forgiving);
    const auto level = level_named(options.version);
    if (!level)
        throw std::invalid_argument("unknown kickstart syntax level '" + options.version +
                                    "'; known are RHEL5 to RHEL10, F9 to F45 and kickseed");
    ParseResult result = parse_at(text, sources, *level, options.forgiving);
    result.recipe.version_reason = "as asked";
    return result;
}

}  // namespace

ParseResult parse(std::string_view text, const ParseOptions& options) {
    if (!options.bundle) {
        ParseResult result = parse_text(text, {}, options);
        result.recipe.file = options.file;
        return result;
    }
    FollowedText followed = follow_includes(text, options.file, *options.bundle);
    ParseResult result = parse_text(followed.text, followed.sources, options);
    result.recipe.file = options.file;
    result.recipe.sources = std::move(followed.sources);
    result.followed_text = std::move(followed.text);
    for (Diagnostic& problem : followed.problems) problem.message = without_credentials(problem.message);
    auto& all = result.diagnostics;
    all.insert(all.end(), followed.problems.begin(), followed.problems.end());
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.line < b.line; });
    return result;
}

}  // namespace kickstart
