// SPDX-License-Identifier: Apache-2.0
#include "kickstart/lint.hpp"

#include <algorithm>

#include "kickstart/advice.hpp"
#include "kickstart/image_use.hpp"
#include "kickstart/lines.hpp"
#include "kickstart/secret_text.hpp"
#include "kickstart/secrets.hpp"

namespace kickstart {
namespace {

using Weight = Finding::Weight;

int characters(std::string_view bytes) {
    return static_cast<int>(std::count_if(bytes.begin(), bytes.end(),
                                          [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }));
}

// How many bytes of the line belong to the word that begins at `at`.
std::size_t word_length(std::string_view line, std::size_t at) {
    std::size_t end = at;
    for (char quote = 0; end < line.size(); ++end) {
        if (quote == 0 && (line[end] == ' ' || line[end] == '\t')) break;
        if (line[end] == '"' || line[end] == '\'') quote = quote == 0 ? line[end] : quote == line[end] ? 0 : quote;
    }
    return end - at;
}

class Linter {
public:
    Linter(std::string_view text, const std::string& file, const LintOptions& options) {
        result_.file = file;
        result_.parsed = parse(text, options.parse);
        const std::string& followed = result_.parsed.followed_text;
        lines_ = split_lines(followed.empty() ? text : followed);
    }

    LintResult lint(const LintOptions& options) {
        const ParseResult& parsed = result_.parsed;
        for (const Diagnostic& d : parsed.diagnostics)
            add(d.line, static_cast<std::size_t>(std::max(d.column, 0)), 0,
                d.severity == Severity::error ? Weight::error : Weight::warning,
                d.kind == "include" || d.kind == "deprecated" ? d.kind
                : d.severity == Severity::error               ? "syntax"
                                                              : "doubtful",
                d.message);
        if (options.image_use) say_uses();
        if (options.security) {
            const Advise advise = [&](int line, std::string_view rule, const std::string& message,
                                      const std::string& word) {
                const std::string_view text = text_of(line);
                const std::size_t at = word.empty() ? std::string_view::npos : text.find(word);
                const bool found = at != std::string_view::npos;
                add(line, found ? at + 1 : 0, found ? word.size() : 0, Weight::warning, std::string(rule), message);
            };
            advise_on_commands(parsed.recipe, advise);
            advise_on_scripts(parsed.recipe, advise);
        }
        std::stable_sort(order_.begin(), order_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
        for (auto& [line, finding] : order_) result_.findings.push_back(std::move(finding));
        return std::move(result_);
    }

private:
    std::string_view text_of(int line) const {
        const auto index = static_cast<std::size_t>(line) - 1;
        return index < lines_.size() ? lines_[index].text : std::string_view();
    }

    // `column` in bytes, 1-based; `length` 0: to the end of the word.
    void add(int line, std::size_t column, std::size_t length, Weight weight, const std::string& rule,
             const std::string& message) {
        const Sources& sources = result_.parsed.recipe.sources;
        const Sources::Place place = sources.place(line);
        const std::string_view text = text_of(line);
        Finding finding;
        finding.file = sources.file_of(place, result_.file);
        finding.line = place.line;
        finding.weight = weight;
        finding.rule = rule;
        finding.message = without_credentials(message);
        finding.source = without_secrets(text);
        if (column > 0 && column <= text.size()) {
            finding.column = characters(text.substr(0, column - 1)) + 1;
            finding.length = characters(text.substr(column - 1, length > 0 ? length : word_length(text, column - 1)));
        }
        order_.emplace_back(line, std::move(finding));
    }

    void say_use(int line, const std::string& what) {
        const ImageUse use = image_use(what);
        if (use.use == Use::honoured) return;
        const char* rule = use.use == Use::partly    ? "image/partly"
                           : use.use == Use::ignored ? "image/ignored"
                                                     : "image/refused";
        const std::string_view text = text_of(line);
        add(line, text.find_first_not_of(" \t") + 1, 0, use.use == Use::refused ? Weight::warning : Weight::note, rule,
            what + ": " + std::string(use_name(use.use)) + " by an image build: " + std::string(use.why));
    }

    void say_uses() {
        const Recipe& recipe = result_.parsed.recipe;
        for (const Command& command : recipe.commands) say_use(command.line, command.name);
        for (const Include& include : recipe.includes) say_use(include.line, "%include");
        for (const Opaque& other : recipe.others) say_use(other.line, "%" + other.section);
        for (const Certificate& certificate : recipe.certificates) say_use(certificate.line, "%certificate");
        for (const Script& script : recipe.scripts)
            say_use(script.line, script.section == Section::pre           ? "%pre"
                                 : script.section == Section::pre_install ? "%pre-install"
                                 : script.section == Section::on_error    ? "%onerror"
                                 : script.section == Section::traceback   ? "%traceback"
                                 : script.chroot                          ? "%post"
                                                                          : "%post --nochroot");
    }

    LintResult result_;
    std::vector<TextLine> lines_;
    std::vector<std::pair<int, Finding>> order_;
};

}  // namespace

std::size_t LintResult::count(Finding::Weight weight) const {
    return static_cast<std::size_t>(
        std::count_if(findings.begin(), findings.end(), [&](const Finding& f) { return f.weight == weight; }));
}

LintResult lint(std::string_view text, const std::string& file, const LintOptions& options) {
    return Linter(text, file, options).lint(options);
}

const std::vector<LintRule>& lint_rules() {
    static const std::vector<LintRule> rules{
        {"syntax", "Anaconda refuses the line."},
        {"include", "An %include names a file that is not in the bundle."},
        {"deprecated", "Anaconda still takes it, and says that it goes away."},
        {"doubtful", "Anaconda takes it, but it is probably not what was meant."},
        {"image/partly", "An image build honours a part of the command."},
        {"image/ignored", "An image build does nothing with the command."},
        {"image/refused", "An image build stops at the command before anything is downloaded."},
        {"security/plaintext-password", "A secret can be read by everybody who reads the file."},
        {"security/script-secret", "A script holds a secret; its text is left out of what everybody may read."},
        {"security/well-known-password", "A password is one of those that are tried first."},
        {"security/weak-hash", "A password's hash is quickly guessed."},
        {"security/root-login", "Root can log in with a password."},
        {"security/http-fetch", "A script fetches over an unprotected connection."},
        {"security/fetched-script", "A script runs what it has just fetched."},
        {"security/unchecked-fetch", "A script switches a check of what it fetches off."},
        {"security/unprotected-source", "Packages come over an unprotected connection."},
        {"security/unchecked-source", "A repository is used without checking it."},
        {"security/no-firewall", "The firewall is switched off."},
        {"security/no-selinux", "SELinux is switched off."},
    };
    return rules;
}

}  // namespace kickstart
