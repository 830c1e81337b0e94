// SPDX-License-Identifier: Apache-2.0
#include "kickstart/option_parser.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "kickstart/hints.hpp"
#include "kickstart/lines.hpp"

namespace kickstart {
namespace {

std::string lower(std::string text) {
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return text;
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// As Python's int(): sign, blanks around, underscores between digits.
std::optional<std::int64_t> integer(std::string_view text) {
    text = trim(text);
    const std::string_view whole = text;
    std::string digits;
    if (text.starts_with('+')) text.remove_prefix(1);
    if (text.starts_with('-') && text.data() != whole.data()) return std::nullopt;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '_' && i > 0 && i + 1 < text.size() && text[i - 1] != '_') continue;
        digits += text[i];
    }
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return value;
}

std::optional<bool> boolean(const std::string& value) {
    const std::string word = lower(value);
    const std::array<std::string_view, 4> yes{"on", "yes", "true", "1"}, no{"off", "no", "false", "0"};
    if (std::find(yes.begin(), yes.end(), word) != yes.end()) return true;
    if (std::find(no.begin(), no.end(), word) != no.end()) return false;
    return std::nullopt;
}

std::string joined(const std::vector<std::string>& words, const std::string& quote) {
    std::string text;
    for (const std::string& word : words) {
        if (text.size() > 400) return text + ", …";
        text += (text.empty() ? "" : ", ") + quote + shown(word) + quote;
    }
    return text;
}

// "-5" and "-.5" are values.
bool negative_number(const std::string& word) {
    const std::size_t digits = word.find_first_not_of("0123456789", 1);
    if (digits == std::string::npos) return true;
    return word[digits] == '.' && digits + 1 < word.size() &&
           word.find_first_not_of("0123456789", digits + 1) == std::string::npos;
}

// "eth0'{"a": 1}',eth1": what stands between single quotes belongs to the device before it.
std::vector<std::pair<std::string, std::string>> device_pairs(std::string_view text) {
    std::vector<std::pair<std::string, std::string>> pairs;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find_first_of(",'"), text.size());
        std::pair<std::string, std::string> pair{trim(text.substr(0, end)), ""};
        text.remove_prefix(end);
        if (text.starts_with('\'')) {
            const std::size_t closing = std::min(text.find('\'', 1), text.size());
            pair.second = text.substr(1, closing - 1);
            text.remove_prefix(std::min(closing + 1, text.size()));
        }
        if (text.starts_with(',')) text.remove_prefix(1);
        if (!pair.first.empty()) pairs.push_back(std::move(pair));
    }
    return pairs;
}

class Line {
public:
    Line(const CommandRule& rule, const std::vector<Word>& words, int line, Level level,
         std::vector<Diagnostic>& problems)
        : rule_(rule), words_(words), line_(line), level_(level), problems_(problems) {
        command_.line = line;
        command_.name = words[0].text;
        command_.deprecated = rule.deprecated;
    }

    std::optional<Command> parse() {
        if (rule_.opaque) {
            for (at_ = 1; at_ < words_.size(); ++at_) command_.words.push_back(words_[at_].text);
            if (rule_.deprecated || command_.name.starts_with('%')) command_.args = command_.words;
        } else {
            bool only_args = false;  // behind a lone --
            for (at_ = 1; at_ < words_.size(); ++at_) {
                const Word& word = words_[at_];
                if (!only_args && word.text == "--")
                    only_args = true;
                else if (!only_args && looks_like_option(word.text))
                    option(word);
                else if (command_.args.size() == rule_.most_args)
                    unexpected_.push_back(word);
                else
                    command_.args.push_back(word.text);
            }
            finish();
        }
        if (const auto at = static_cast<std::size_t>(rule_.mount_point); at < command_.args.size())
            command_.args[at] = normal_path(command_.args[at]);
        if (!failed_ && rule_.check)
            if (const std::string wrong = rule_.check(command_, level_); !wrong.empty())
                problem(words_[0].column, wrong);
        if (failed_) return std::nullopt;
        return std::move(command_);
    }

private:
    void problem(int column, const std::string& message) {
        failed_ = true;
        problems_.push_back({line_, column, Severity::error, "other", message});
    }

    // As Python's argparse tells options from values: what it does not know is a value when a blank stands in it.
    bool looks_like_option(const std::string& word) const {
        if (word.size() < 2 || word[0] != '-' || negative_number(word)) return false;
        if (word.find(' ') == std::string::npos) return true;
        std::vector<std::string> candidates;
        const std::size_t equals = word.find('=');
        if (!word.starts_with("--") || equals == 2) return false;
        rule_.option(word.substr(2, equals == std::string::npos ? equals : equals - 2), candidates);
        return !candidates.empty();
    }

    void option(const Word& word) {
        const std::size_t equals = word.text.find('=');
        const bool one_dash = !word.text.starts_with("--");
        const std::string name = word.text.substr(2, equals == std::string::npos ? equals : equals - 2);
        std::vector<std::string> candidates;
        const OptionRule* rule = one_dash || equals == 2 ? nullptr : rule_.option(name, candidates);
        if (!rule && candidates.size() > 1) {
            for (std::string& candidate : candidates) candidate = "--" + candidate;
            return problem(word.column,
                           "ambiguous option: --" + shown(name) + " could match " + joined(candidates, ""));
        }
        if (!rule) return unknown(word, name);
        if (rule->deprecated)
            problems_.push_back({line_, word.column, Severity::warning, "deprecated",
                                 rule_.name + ": the option --" + rule->names[0] + " is deprecated at this level"});
        if (rule->type == OptionType::flag) {
            if (equals != std::string::npos)
                return problem(word.column, "argument --" + name + ": takes no value, got '" +
                                                shown(word.text.substr(equals + 1)) + "'");
            return set_flag(*rule);
        }
        std::string value;
        if (equals != std::string::npos) {
            value = word.text.substr(equals + 1);
        } else if (at_ + 1 < words_.size() && !looks_like_option(words_[at_ + 1].text) &&
                   words_[at_ + 1].text != "--") {
            value = words_[++at_].text;
        } else if (rule->type == OptionType::optional_text) {
            return set_flag(*rule);
        } else {
            return problem(word.column, "argument --" + rule->names[0] + ": expected one argument");
        }
        set(*rule, value, word.column);
    }

    void unknown(const Word& word, const std::string& name) {
        problem(word.column, rule_.name + ": unrecognized arguments: " + shown(word.text) +
                                 hints::unknown_option(rule_, name, level_));
    }

    // Options that set the same thing: only the last stays.
    void drop_rivals(const std::string& name) {
        for (const std::vector<std::string>& group : rule_.exclusive)
            if (std::find(group.begin(), group.end(), name) != group.end())
                for (const std::string& rival : group) command_.options.erase(rival);
    }

    void set_flag(const OptionRule& rule) {
        drop_rivals(rule.names[0]);
        command_.options[rule.names[0]] = OptionValue{};
    }

    void set(const OptionRule& rule, const std::string& value, int column) {
        OptionValue result;
        const std::string& name = rule.names[0];
        switch (rule.type) {
            case OptionType::number: {
                const auto number = integer(value);
                if (!number)
                    return problem(column, "argument --" + name + ": invalid int value: '" + shown(value) + "'");
                result.kind = OptionValue::Kind::number;
                result.number = *number;
                break;
            }
            case OptionType::boolean: {
                const auto is = boolean(value);
                if (!is) return problem(column, "argument --" + name + ": invalid boolean: '" + shown(value) + "'");
                result.flag = *is;
                break;
            }
            case OptionType::list:
            case OptionType::ports:
            case OptionType::append:
                result.kind = OptionValue::Kind::list;
                result.list = rule.type == OptionType::append ? std::vector{value} : comma_list(value);
                if (rule.type == OptionType::ports)
                    for (std::string& port : result.list)
                        if (port.find(':') == std::string::npos) port += ":tcp";
                if (const auto before = command_.options.find(name);
                    rule.accumulates && before != command_.options.end())
                    result.list.insert(result.list.begin(), before->second.list.begin(), before->second.list.end());
                break;
            case OptionType::pairs:
                result.kind = OptionValue::Kind::pairs;
                result.pairs = device_pairs(value);
                break;
            default:
                if (!rule.choices.empty() &&
                    std::find(rule.choices.begin(), rule.choices.end(), value) == rule.choices.end())
                    return problem(column, "argument --" + name + ": invalid choice: '" + shown(value) +
                                               "' (choose from " + joined(rule.choices, "'") + ")");
                result.kind = OptionValue::Kind::text;
                result.text = value;
        }
        drop_rivals(name);
        command_.options[name] = std::move(result);
    }

    void finish() {
        if (!unexpected_.empty()) {
            std::vector<std::string> texts;
            for (const Word& word : unexpected_) texts.push_back(word.text);
            for (std::string& text : texts)
                if (text == "\n" || text == "\r") text = text == "\n" ? "\\n" : "\\r";
            problem(unexpected_.front().column, "Unexpected arguments to " + rule_.name + " command: [" +
                                                    joined(texts, "'") + "]" +
                                                    hints::unexpected_word(rule_, words_, unexpected_.front()));
        }
        std::vector<std::string> missing;
        for (const OptionRule& rule : rule_.options)
            if (rule.required && !command_.options.contains(rule.names[0])) missing.push_back("--" + rule.names[0]);
        if (!missing.empty() && !failed_)
            problem(words_[0].column, rule_.name + ": the following arguments are required: " + joined(missing, ""));
        if (command_.args.size() < rule_.least_args && !failed_)
            problem(words_[0].column, rule_.name + ": needs " + std::to_string(rule_.least_args) +
                                          (rule_.least_args == 1 ? " argument" : " arguments") + ", has " +
                                          std::to_string(command_.args.size()));
    }

    const CommandRule& rule_;
    const std::vector<Word>& words_;
    int line_;
    Level level_;
    std::vector<Diagnostic>& problems_;
    Command command_;
    std::vector<Word> unexpected_;
    std::size_t at_ = 1;
    bool failed_ = false;
};

}  // namespace

std::optional<Command> parse_options(const CommandRule& rule, const std::vector<Word>& words, int line, Level level,
                                     std::vector<Diagnostic>& problems) {
    return Line(rule, words, line, level, problems).parse();
}

std::vector<std::string> comma_list(std::string_view text) {
    std::vector<std::string> items;
    while (true) {
        const std::size_t comma = text.find(',');
        const std::string_view item = trim(text.substr(0, comma));
        if (!item.empty()) items.emplace_back(item);
        if (comma == std::string_view::npos) return items;
        text.remove_prefix(comma + 1);
    }
}

std::string normal_path(const std::string& path) {
    if (!path.starts_with('/')) return path;
    std::vector<std::string_view> parts;
    std::string_view rest = path;
    while (!rest.empty()) {
        const std::size_t slash = rest.find('/');
        const std::string_view part = rest.substr(0, slash);
        if (part == ".." && !parts.empty())
            parts.pop_back();
        else if (!part.empty() && part != "." && part != "..")
            parts.push_back(part);
        if (slash == std::string_view::npos) break;
        rest.remove_prefix(slash + 1);
    }
    std::string result;
    for (const std::string_view part : parts) result.append("/").append(part);
    return result.empty() ? "/" : result;
}

}  // namespace kickstart
