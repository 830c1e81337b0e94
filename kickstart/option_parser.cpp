// SPDX-License-Identifier: Apache-2.0
#include "kickstart/option_parser.hpp"

#include <algorithm>
#include <array>
#include <charconv>

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
    std::string digits;
    if (text.starts_with('+')) text.remove_prefix(1);
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '_' && i > 0 && i + 1 < text.size() && text[i - 1] != '_') continue;
        digits += text[i];
    }
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return value;
}

std::string joined(const std::vector<std::string>& words, const std::string& quote) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : ", ") + quote + word + quote;
    return text;
}

class Line {
public:
    Line(const CommandRule& rule, const std::vector<Word>& words, int line, std::vector<Diagnostic>& problems)
        : rule_(rule), words_(words), line_(line), problems_(problems) {
        command_.line = line;
        command_.name = words[0].text;
        command_.deprecated = rule.deprecated;
    }

    Command parse() {
        const bool opaque = !rule_.options.empty() && rule_.options[0].names[0] == "*";
        for (at_ = 1; at_ < words_.size(); ++at_) {
            const Word& word = words_[at_];
            if (!opaque && word.text.starts_with("--") && word.text.size() > 2) {
                option(word);
            } else {
                if (!opaque && command_.args.size() == rule_.most_args)
                    unexpected_.push_back(word);
                else
                    command_.args.push_back(word.text);
            }
        }
        finish(opaque);
        return std::move(command_);
    }

private:
    void problem(int column, const std::string& message) {
        problems_.push_back({line_, column, Severity::error, "other", message});
    }

    void option(const Word& word) {
        const std::size_t equals = word.text.find('=');
        const std::string name = word.text.substr(2, equals == std::string::npos ? equals : equals - 2);
        std::vector<std::string> candidates;
        const OptionRule* rule = rule_.option(name, candidates);
        if (!rule && candidates.size() > 1) {
            for (std::string& candidate : candidates) candidate = "--" + candidate;
            return problem(word.column, "ambiguous option: --" + name + " could match " + joined(candidates, ""));
        }
        if (!rule) return unknown(word, name);
        if (rule->type == OptionType::flag) {
            if (equals != std::string::npos)
                return problem(word.column,
                               "argument --" + name + ": takes no value, got '" + word.text.substr(equals + 1) + "'");
            return set_flag(*rule);
        }
        std::string value;
        if (equals != std::string::npos) {
            value = word.text.substr(equals + 1);
        } else if (at_ + 1 < words_.size() && !words_[at_ + 1].text.starts_with('-')) {
            value = words_[++at_].text;
        } else {
            return problem(word.column, "argument --" + rule->names[0] + ": expected one argument");
        }
        set(*rule, value, word.column);
    }

    void unknown(const Word& word, const std::string& name) {
        std::vector<std::string> known;
        for (const OptionRule& rule : rule_.options) known.insert(known.end(), rule.names.begin(), rule.names.end());
        const std::string near = closest(name, known);
        problem(word.column, rule_.name + ": unrecognized arguments: " + word.text +
                                 (near.empty() ? "" : "; did you mean --" + near + "?"));
    }

    // Options that set the same thing: only the last stays.
    void drop_rivals(const std::string& name) {
        for (const std::string& group : rule_.exclusive) {
            const auto words = split_words(group).words;
            const auto is = [&](const Word& word) { return word.text == name; };
            if (std::none_of(words.begin(), words.end(), is)) continue;
            for (const Word& rival : words) command_.options.erase(rival.text);
        }
    }

    void set_flag(const OptionRule& rule) {
        drop_rivals(rule.names[0]);
        command_.options[rule.names[0]] = OptionValue{};
    }

    void set(const OptionRule& rule, const std::string& value, int column) {
        OptionValue result;
        const std::string& name = rule.names[0];
        if (rule.type == OptionType::number) {
            const auto number = integer(value);
            if (!number) return problem(column, "argument --" + name + ": invalid int value: '" + value + "'");
            result.kind = OptionValue::Kind::number;
            result.number = *number;
        } else if (rule.type == OptionType::boolean) {
            const std::string word = lower(value);
            const std::array<std::string_view, 4> yes{"on", "yes", "true", "1"}, no{"off", "no", "false", "0"};
            const bool is = std::find(yes.begin(), yes.end(), word) != yes.end();
            if (!is && std::find(no.begin(), no.end(), word) == no.end())
                return problem(column, "argument --" + name + ": invalid boolean: '" + value + "'");
            result.flag = is;
        } else if (rule.type == OptionType::list) {
            result.kind = OptionValue::Kind::list;
            result.list = comma_list(value);
            if (const auto before = command_.options.find(name); rule.accumulates && before != command_.options.end())
                result.list.insert(result.list.begin(), before->second.list.begin(), before->second.list.end());
        } else {
            if (!rule.choices.empty() &&
                std::find(rule.choices.begin(), rule.choices.end(), value) == rule.choices.end())
                return problem(column, "argument --" + name + ": invalid choice: '" + value + "' (choose from " +
                                           joined(rule.choices, "'") + ")");
            result.kind = OptionValue::Kind::text;
            result.text = value;
        }
        drop_rivals(name);
        command_.options[name] = std::move(result);
    }

    void finish(bool opaque) {
        if (opaque) return;
        if (!unexpected_.empty()) {
            std::vector<std::string> texts;
            for (const Word& word : unexpected_) texts.push_back(word.text);
            const std::string first = texts.front();
            std::string hint;
            if (first.starts_with("\xe2\x80\x93") || first.starts_with("\xe2\x80\x94"))
                hint = "; this is a dash, not --";
            else if (first == "\n" || first == "\\")
                hint = "; this looks like a continued line, and kickstart has none";
            problem(unexpected_.front().column,
                    "Unexpected arguments to " + rule_.name + " command: [" + joined(texts, "'") + "]" + hint);
        }
        std::vector<std::string> missing;
        for (const OptionRule& rule : rule_.options)
            if (rule.required && !command_.options.contains(rule.names[0])) missing.push_back("--" + rule.names[0]);
        if (!missing.empty())
            problem(words_[0].column, rule_.name + ": the following arguments are required: " + joined(missing, ""));
        if (command_.args.size() < rule_.least_args)
            problem(words_[0].column, rule_.name + ": needs " + std::to_string(rule_.least_args) +
                                          (rule_.least_args == 1 ? " argument" : " arguments") + ", has " +
                                          std::to_string(command_.args.size()));
    }

    const CommandRule& rule_;
    const std::vector<Word>& words_;
    int line_;
    std::vector<Diagnostic>& problems_;
    Command command_;
    std::vector<Word> unexpected_;
    std::size_t at_ = 1;
};

}  // namespace

Command parse_options(const CommandRule& rule, const std::vector<Word>& words, int line,
                      std::vector<Diagnostic>& problems) {
    return Line(rule, words, line, problems).parse();
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
