// SPDX-License-Identifier: Apache-2.0
#include "kickstart/secrets.hpp"

#include <algorithm>
#include <cctype>

#include "kickstart/command_table.hpp"
#include "kickstart/lines.hpp"
#include "kickstart/script_secrets.hpp"
#include "kickstart/secret_text.hpp"

namespace kickstart {
namespace {

bool negative_number(std::string_view word) {
    return word.size() > 1 && word.find_first_not_of("0123456789.", 1) == std::string_view::npos;
}

// All options of all levels that the word may name, as the parser takes any beginning of a name.
std::vector<const OptionRule*> options_named(const CommandRule& rule, std::string_view name) {
    std::vector<const OptionRule*> named;
    for (const OptionRule& option : rule.options)
        if (std::any_of(option.names.begin(), option.names.end(),
                        [&](const std::string& known) { return known.starts_with(name); }))
            named.push_back(&option);
    return named;
}

// A command that an unknown one was perhaps meant to be has secret words.
bool near_secret_words(std::string_view name) {
    const std::string small = closest(name, {"rootpw", "sshpw", "key"});
    return !small.empty() || names_secret(name);
}

class Line {
public:
    explicit Line(std::string_view line) { found_.words = split_words(line); }

    LineSecrets find() {
        const auto& words = found_.words.words;
        if (!found_.words.error.empty()) {
            found_.readable = false;
            return std::move(found_);
        }
        if (words.empty()) return std::move(found_);
        const std::string& name = words[0].text;
        if (name == "%include" || name == "%ksappend" || name == "%end") {
            for (at_ = 1; at_ < words.size(); ++at_) known_by_looks(0, false);
            return std::move(found_);
        }
        rule_ = rule_of_any_level(name);
        if (rule_)
            command();
        else
            unknown_command();
        return std::move(found_);
    }

private:
    const std::string& text(std::size_t word) const { return found_.words.words[word].text; }
    std::size_t count() const { return found_.words.words.size(); }

    void secret(std::size_t word, std::size_t begin) {
        if (begin < text(word).size()) found_.parts.push_back({word, begin, text(word).size()});
    }
    void suspect(std::size_t word, std::size_t begin) {
        if (begin < text(word).size()) found_.suspects.push_back({word, begin, text(word).size()});
    }

    // Of the word at at_, from `begin` on.
    void known_by_looks(std::size_t begin, bool is_proxy) {
        const std::string_view value = std::string_view(text(at_)).substr(begin);
        std::vector<TextRange> ranges = secrets_in_text(value);
        if (is_proxy) {
            const auto more = credentials_without_scheme(value);
            ranges.insert(ranges.end(), more.begin(), more.end());
            unite(ranges);
        }
        for (const TextRange& range : ranges) found_.parts.push_back({at_, begin + range.begin, begin + range.end});
    }

    bool looks_like_option(const std::string& word) const {
        if (word.size() < 2 || word[0] != '-' || negative_number(word)) return false;
        if (word.find(' ') == std::string::npos) return true;
        return word.starts_with("--") && word.find('=') != 2 &&
               !options_named(*rule_, std::string_view(word).substr(2, word.find('=') - 2)).empty();
    }

    void command() {
        bool only_words = false;
        for (at_ = 1; at_ < count(); ++at_) {
            const std::string& word = text(at_);
            if (!only_words && word == "--")
                only_words = true;
            else if (!only_words && looks_like_option(word))
                option(word);
            else
                positional(word);
        }
        const bool looked_at = !rule_->opaque && !rule_->deprecated;
        if (looked_at && positional_.size() > rule_->most_args) {
            found_.readable = false;
            if (!found_.parts.empty())
                for (const std::size_t word : positional_) suspect(word, 0);
        }
    }

    void positional(const std::string& word) {
        positional_.push_back(at_);
        if (rule_->secret_words || answers_) return secret(at_, 0);
        if (rule_->name == "user" && !found_.parts.empty() && found_.parts.back().word + 1 == at_) {
            found_.readable = false;  // "--password=my word": a name stands before the options, if at all
            return suspect(at_, 0);
        }
        if (rule_->name == "preseed" && (word == "password" || (at_ > 1 && names_secret(word)))) answers_ = true;
        known_by_looks(0, false);
    }

    void option(const std::string& word) {
        const std::size_t equals = word.find('=');
        const bool inside = equals != std::string::npos;
        const std::string_view name =
            word.starts_with("--") ? std::string_view(word).substr(2, inside ? equals - 2 : equals) : "";
        const auto named = name.empty() ? std::vector<const OptionRule*>{} : options_named(*rule_, name);
        if (named.empty()) return unknown_option(word, inside ? equals + 1 : word.size(), name);
        const auto is_flag = [](const OptionRule* o) { return o->type == OptionType::flag; };
        const bool is_secret = std::any_of(named.begin(), named.end(), [](const OptionRule* o) { return o->secret; });
        if (std::all_of(named.begin(), named.end(), is_flag)) {
            if (inside && !rule_->opaque && !rule_->deprecated) found_.readable = false;
            if (inside) suspect(at_, equals + 1);
            return;
        }
        std::size_t begin = equals + 1;
        if (!inside) {
            if (at_ + 1 >= count() || text(at_ + 1) == "--" || looks_like_option(text(at_ + 1))) {
                if (is_secret && at_ + 1 < count()) suspect(at_ + 1, 0);
                return;
            }
            ++at_;
            begin = 0;
        }
        if (is_secret)
            secret(at_, begin);
        else
            known_by_looks(begin, named[0]->names[0] == "proxy");
    }

    void unknown_option(const std::string& word, std::size_t value, std::string_view name) {
        if (!rule_->opaque && !rule_->deprecated) found_.readable = false;
        const bool takes_next = value == word.size() && at_ + 1 < count() && !text(at_ + 1).starts_with('-');
        if ((rule_->opaque || rule_->deprecated) && names_secret(name)) {
            if (takes_next)
                secret(++at_, 0);
            else
                secret(at_, value);
            return;
        }
        if (found_.readable) return known_by_looks(0, false);
        std::vector<std::string> known;
        for (const OptionRule& one : rule_->options) known.push_back(one.names[0]);
        const std::string near = closest(name, known);
        const bool near_secret = std::any_of(rule_->options.begin(), rule_->options.end(), [&](const OptionRule& one) {
            return one.secret && (one.names[0] == near || near.empty());
        });
        if (rule_->secret_words && near.empty()) return suspect(at_, 0);
        if (value < word.size() && (near_secret || names_secret(name) || name.starts_with("pa") || rule_->secret_words))
            return suspect(at_, value);
        if (takes_next && (near_secret || names_secret(name) || name.starts_with("pa"))) return suspect(++at_, 0);
        known_by_looks(0, false);
    }

    void unknown_command() {
        found_.readable = false;
        const bool words_are = near_secret_words(text(0));
        for (at_ = 0; at_ < count(); ++at_) {
            const std::string& word = text(at_);
            const std::size_t equals = word.find('=');
            const bool is_option = word.starts_with('-');
            const bool names = is_option && (names_secret(word.substr(0, equals)) || word.starts_with("--pa"));
            if (names && equals != std::string::npos)
                suspect(at_, equals + 1);
            else if (names && at_ + 1 < count())
                suspect(++at_, 0);
            else if (words_are && at_ > 0 && !is_option)
                suspect(at_, 0);
            else
                known_by_looks(0, false);
        }
    }

    LineSecrets found_;
    const CommandRule* rule_ = nullptr;
    std::size_t at_ = 0;
    std::vector<std::size_t> positional_;
    bool answers_ = false;  // of a preseed line: what follows answers a question for a password
};

void star(std::string& line, std::size_t begin, std::size_t end) {
    std::fill(line.begin() + static_cast<std::ptrdiff_t>(begin), line.begin() + static_cast<std::ptrdiff_t>(end), '*');
}

// Where it stands as a word; a short one only where a message quotes it.
void replace_all(std::string& text, const std::string& what) {
    constexpr std::size_t short_word = 4;
    const auto of_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
    for (std::size_t at = text.find(what); at != std::string::npos;) {
        const char before = at == 0 ? ' ' : text[at - 1],
                   behind = at + what.size() < text.size() ? text[at + what.size()] : ' ';
        const bool quoted = before == '\'' || before == '=' || before == '"';
        const bool apart = !of_word(before) && !of_word(behind) && (quoted || what.size() >= short_word);
        if (apart) text.replace(at, what.size(), removed_secret);
        at = text.find(what, at + (apart ? removed_secret.size() : 1));
    }
}

}  // namespace

constexpr std::size_t longest_quoted = std::size_t{1} << 20;  // bytes of a line

LineSecrets secrets_of_line(std::string_view line) {
    return Line(line).find();
}

std::string without_secrets(std::string_view line) {
    if (line.size() > longest_quoted) return std::string(line.size(), '*');
    std::string safe(line);
    const std::string_view command = first_word(line);
    const LineSecrets found = secrets_of_line(line);
    const std::size_t behind =
        std::min(static_cast<std::size_t>(command.data() - line.data()) + command.size(), line.size());
    const bool is_script = (!found.readable || !rule_of_any_level(command)) && !secrets_of_script(line).empty();
    if (!command.empty() && (is_script || (!found.readable && !found.words.error.empty()))) {
        star(safe, is_script ? line.find(command) : behind, safe.size());
        return safe;
    }
    for (const auto* parts : {&found.parts, &found.suspects})
        for (const SecretPart& part : *parts) {
            const Word& word = found.words.words[part.word];
            const std::vector<WordByte> bytes = bytes_of(line, word);
            const std::string value = word.text.substr(part.begin, part.end - part.begin);
            const std::size_t comment = line.find('#', static_cast<std::size_t>(word.end) - 1);
            if (value.size() > 3 && comment != std::string_view::npos &&
                line.find(value, comment) != std::string_view::npos)
                star(safe, comment, safe.size());
            const std::size_t begin =
                part.begin == 0 ? static_cast<std::size_t>(word.column) - 1 : bytes[part.begin - 1].end;
            star(safe, begin,
                 part.end == bytes.size() ? static_cast<std::size_t>(word.end) - 1 : bytes[part.end].begin);
            const auto end = static_cast<std::size_t>(word.end) - 1;
            if (part.end == bytes.size() && end < line.size() && line[end] == '#') star(safe, end, safe.size());
        }
    for (const TextRange& range : secrets_in_text(line)) star(safe, range.begin, range.end);
    return safe;
}

std::string message_without_secrets(std::string message, std::string_view line) {
    if (line.size() > longest_quoted)
        return message.substr(0, message.find(": ")) + ": the line has " + std::to_string(line.size()) +
               " bytes, and is not quoted";
    const LineSecrets found = secrets_of_line(line);
    if (!found.words.error.empty()) return without_credentials(message);
    std::vector<std::string> values;
    for (const auto* parts : {&found.parts, &found.suspects})
        for (const SecretPart& part : *parts)
            values.push_back(found.words.words[part.word].text.substr(part.begin, part.end - part.begin));
    constexpr std::size_t most_values = 200;
    if (values.size() > most_values)
        return message.substr(0, message.find(": ")) + ": the line has " + std::to_string(values.size()) +
               " words that could be secrets, and is not quoted";
    std::sort(values.begin(), values.end(), [](const auto& a, const auto& b) { return a.size() > b.size(); });
    for (const std::string& value : values) {
        // Of a word that is too long a message quotes the beginning.
        const std::string quoted = shown(value);
        for (const std::string& one : {value, quoted})
            if (!tells_nothing(one, false)) replace_all(message, one);
        const std::size_t cut = message.find("…");
        if (cut == std::string::npos) continue;
        for (std::size_t size = std::min(value.size(), cut); size > 0; --size)
            if (std::string_view(message).substr(cut - size, size) == std::string_view(value).substr(0, size)) {
                message.replace(cut - size, size, removed_secret);
                break;
            }
    }
    return without_credentials(message);
}

}  // namespace kickstart
