// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>
#include <unordered_set>

#include "kickstart/command_table.hpp"
#include "kickstart/lines.hpp"
#include "kickstart/script_secrets.hpp"
#include "kickstart/secret_text.hpp"
#include "kickstart/secrets.hpp"

namespace kickstart {
namespace {

constexpr std::string_view unread_line = "# (removed: a line that cannot be read as a command)";
constexpr std::string_view hidden_comment = "# (removed: a comment that could tell a secret)";
constexpr std::string_view hidden_body = "# (removed: this section holds a secret, or cannot be judged)";

// Add-ons whose text is settings of theirs, without a secret.
constexpr std::string_view known_add_ons[] = {"com_redhat_kdump", "org_fedora_oscap", "com_redhat_oscap",
                                              "org_fedora_initial_setup"};

constexpr std::size_t least_reused = 6;  // a shorter secret would be found where it is none

std::string_view behind_marks(std::string_view comment) {
    return comment.substr(std::min(comment.find_first_not_of("# \t"), comment.size()));
}

class Walk {
public:
    Walk(std::string_view text, const std::unordered_set<std::string>& known) : known_(known) {
        if (text.starts_with(byte_order_mark)) {
            shown += byte_order_mark;
            text.remove_prefix(byte_order_mark.size());
        }
        lines_ = split_lines(text);
        for (at_ = 0; at_ < lines_.size(); ++at_) {
            const Words words = split_words(lines_[at_].text);
            const bool section = words.error.empty() && !words.words.empty() && is_section(words.words[0].text);
            emit(command(lines_[at_].text), lines_[at_]);
            if (section) body(words);
        }
    }

    std::string shown;
    std::vector<std::string> values;
    std::unordered_set<std::string> open;  // what the recipe says openly, like the name of a user whose password it is

private:
    static bool is_section(std::string_view name) { return name.starts_with('%') && rule_of_any_level(name); }

    void emit(const std::string& text, const TextLine& line) {
        shown += text;
        shown += line.raw.substr(line.text.size());
    }

    std::string command(std::string_view line) {
        if (line.starts_with("#xenkiln:") || line.starts_with("#version=") || line.starts_with("#platform="))
            return by_looks(line);
        const LineSecrets found = secrets_of_line(line);
        keep_values(found);
        if (!found.readable) return std::string(unread_line);
        keep_open(found);
        std::size_t end = 0;
        std::string text = with_parts_removed(line, found, end);
        const bool glued = end > 0 && end < line.size() && line[end] == '#' && !found.parts.empty() &&
                           found.parts.back().word + 1 == found.words.words.size();
        if (glued) return text;  // "rootpw foo#bar": the rest was meant to be of it
        const std::size_t mark = std::min(line.find_first_not_of(" \t\r\n", end), line.size());
        return text + std::string(line.substr(end, mark - end)) + comment(line.substr(mark));
    }

    void keep_open(const LineSecrets& found) {
        std::size_t part = 0;
        for (std::size_t i = 0; i < found.words.words.size(); ++i) {
            while (part < found.parts.size() && found.parts[part].word < i) ++part;
            if (part < found.parts.size() && found.parts[part].word == i) continue;
            const std::string& word = found.words.words[i].text;
            const std::size_t equals = word.find('=');
            open.insert(word.substr(equals == std::string::npos ? 0 : equals + 1));
        }
    }

    void keep_values(const LineSecrets& found) {
        for (const auto* parts : {&found.parts, &found.suspects})
            for (const SecretPart& part : *parts)
                values.push_back(found.words.words[part.word].text.substr(part.begin, part.end - part.begin));
    }

    bool keep_script_values(std::string_view script) {
        const std::vector<ScriptSecret> all = secrets_of_script(script);
        for (const ScriptSecret& found : all) values.insert(values.end(), found.values.begin(), found.values.end());
        return !all.empty();
    }

    // The words up to the end of the last one, which stands at `end` in the line.
    static std::string with_parts_removed(std::string_view line, const LineSecrets& found, std::size_t& end) {
        std::string text;
        std::size_t from = 0;
        for (std::size_t i = 0; i < found.parts.size();) {
            const Word& word = found.words.words[found.parts[i].word];
            const std::vector<WordByte> bytes = bytes_of(line, word);
            const auto word_end = static_cast<std::size_t>(word.end) - 1;
            for (const std::size_t index = found.parts[i].word; i < found.parts.size() && found.parts[i].word == index;
                 ++i) {
                const SecretPart& part = found.parts[i];
                const bool first = part.begin == 0, last = part.end == bytes.size();
                const std::size_t begin = first ? static_cast<std::size_t>(word.column) - 1 : bytes[part.begin - 1].end;
                const char opened = first ? '\0' : bytes[part.begin - 1].quote,
                           goes_on = last ? '\0' : bytes[part.end].quote;
                text += line.substr(from, begin - from);
                text += removed_secret;
                if (opened != goes_on) {
                    if (opened != 0) text += opened;
                    if (goes_on != 0) text += goes_on;
                }
                from = last ? word_end : bytes[part.end].begin;
            }
        }
        end = found.words.words.empty() ? 0 : static_cast<std::size_t>(found.words.words.back().end) - 1;
        return text + std::string(line.substr(from, end - from));
    }

    // "# …" or nothing; blanks may stand before it.
    std::string comment(std::string_view text) {
        const std::string_view inside = behind_marks(text);
        if (inside.empty() || inside.data() == text.data()) return by_looks(text);
        const std::string marks(text.substr(0, text.size() - inside.size()));
        std::string first(first_word(inside));  // a name may be quoted there too
        std::erase_if(first, [](char c) { return c == '"' || c == '\'' || c == '\\'; });
        const CommandRule* rule = first.starts_with('%') ? nullptr : rule_of_any_level(first);
        const LineSecrets found = rule ? secrets_of_line(inside) : LineSecrets{};
        const bool is_command = rule && found.readable;
        if (is_command) keep_values(found);
        if (tells_known(inside) && (!is_command || found.parts.empty())) return std::string(hidden_comment);
        if (!is_command && keep_script_values(inside)) return std::string(hidden_comment);
        if (!rule) return by_looks(text);
        if (!found.words.error.empty() || !found.suspects.empty()) {
            const bool could = rule->secret_words || inside.find("--") != std::string_view::npos;
            return could ? std::string(hidden_comment) : by_looks(text);
        }
        if (found.parts.empty()) return by_looks(text);
        std::size_t end = 0;
        const std::string shown_words = with_parts_removed(inside, found, end);
        const bool glued = end < inside.size() && inside[end] == '#';
        const std::string_view rest = glued ? std::string_view() : inside.substr(end);
        return marks + shown_words +
               (tells_known(rest) ? " " + std::string(hidden_comment) : without_secrets_in_text(rest));
    }

    std::string by_looks(std::string_view text) {
        const auto ranges = secrets_in_text(text);
        for (const TextRange& range : ranges) values.emplace_back(text.substr(range.begin, range.end - range.begin));
        return without(text, ranges);
    }

    // One of the recipe's own secrets stands in it as a word.
    bool tells_known(std::string_view text) const {
        if (known_.empty()) return false;
        constexpr std::string_view between = " \t\r\n\"'`=:,;()<>|&[]{}";
        for (const std::string_view separators : {between, std::string_view(" \t\r\n")})
            for (std::size_t at = text.find_first_not_of(separators); at != std::string_view::npos;) {
                const std::size_t end = std::min(text.find_first_of(separators, at), text.size());
                if (known_.contains(std::string(text.substr(at, end - at)))) return true;
                at = text.find_first_not_of(separators, end);
            }
        return false;
    }

    // From the line behind a section's header to that before its %end, as the parser sees it.
    void body(const Words& header) {
        const std::string& name = header.words[0].text;
        const std::size_t begin = ++at_;
        std::string text;
        std::set<std::size_t> includes;
        for (; at_ < lines_.size(); ++at_) {
            const std::string_view word = first_word(lines_[at_].text);
            if (word == "%end" || is_section(word)) break;
            if (word == "%include")
                includes.insert(at_);
            else
                text += lines_[at_].raw;
        }
        const bool hidden = name != "%packages" && hides(name, header, text);
        if (hidden && begin < at_) emit(std::string(hidden_body), lines_[begin]);
        for (std::size_t i = begin; i < at_; ++i) {
            const TextLine& line = lines_[i];
            if (includes.contains(i))
                emit(command(line.text), line);
            else if (name == "%packages")
                emit(package(line.text), line);
            else if (!hidden)
                shown += line.raw;
        }
        --at_;
    }

    std::string package(std::string_view line) {
        const std::size_t mark = std::min(line.find('#'), line.size());
        return by_looks(line.substr(0, mark)) + comment(line.substr(mark));
    }

    bool hides(const std::string& name, const Words& header, const std::string& text) {
        const bool secret = keep_script_values(text);
        if (name != "%addon") return secret || tells_known(text);
        const bool known = header.words.size() > 1 && std::find(std::begin(known_add_ons), std::end(known_add_ons),
                                                                header.words[1].text) != std::end(known_add_ons);
        return secret || tells_known(text) || (!known && !blank(text) && trimmed(text) != hidden_body);
    }

    std::vector<TextLine> lines_;
    std::size_t at_ = 0;
    const std::unordered_set<std::string>& known_;
};

}  // namespace

std::string public_text(std::string_view text) {
    const Walk first(text, {});
    std::unordered_set<std::string> known;
    for (const std::string& value : first.values)
        if (value.size() >= least_reused && !tells_nothing(value, true) && !first.open.contains(value))
            known.insert(value);
    return Walk(text, known).shown;
}

std::vector<std::string> secret_values(std::string_view text) {
    std::vector<std::string> values = Walk(text, {}).values;
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    std::erase_if(values, [](const std::string& value) { return value.empty() || value == removed_secret; });
    return values;
}

}  // namespace kickstart
