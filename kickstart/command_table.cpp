// SPDX-License-Identifier: Apache-2.0
#include "kickstart/command_table.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "kickstart/command_data.hpp"

namespace kickstart {
namespace {

std::vector<std::string> split(std::string_view text, char at) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const std::size_t end = text.find(at);
        if (end != 0) parts.emplace_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return parts;
}

// Takes the part behind the last `mark` off `text`.
std::optional<std::string> cut(std::string& text, char mark) {
    const std::size_t at = text.rfind(mark);
    if (at == std::string::npos) return std::nullopt;
    std::string rest = text.substr(at + 1);
    text.resize(at);
    return rest;
}

void set_type(OptionRule& rule, const std::string& type) {
    switch (type.front()) {
        case 'i':
            rule.type = OptionType::number;
            break;
        case 'b':
            rule.type = OptionType::boolean;
            break;
        case 'o':
            rule.type = OptionType::optional_text;
            break;
        case 't':
            rule.type = OptionType::pairs;
            break;
        case 'l':
        case 'L':
            rule.type = OptionType::list;
            break;
        case 'p':
            rule.type = OptionType::ports;
            break;
        case 'a':
            rule.type = OptionType::append;
            break;
        case '{':
            rule.type = OptionType::text;
            rule.choices = split(std::string_view(type).substr(1, type.size() - 2), ',');
            break;
        default:
            rule.type = OptionType::text;
    }
    rule.accumulates = type == "L" || type == "p" || type == "a";
}

// One word of CommandEntry::options at one level, or at any; nothing when the level does not know it.
std::optional<OptionRule> option_rule(std::string word, const std::optional<Level>& level) {
    const std::optional<std::string> warned = cut(word, '~');
    const std::optional<std::string> known = cut(word, '@');
    OptionRule rule;
    rule.deprecated = level && warned && in_range(*level, *warned);
    if (level && !rule.deprecated && ((known && !in_range(*level, *known)) || (!known && warned))) return std::nullopt;
    if (word.ends_with('!')) {
        rule.required = true;
        word.pop_back();
    }
    if (const std::size_t equals = word.find('='); equals != std::string::npos) {
        set_type(rule, word.substr(equals + 1));
        word.resize(equals);
    }
    if (word.ends_with('*')) {
        rule.secret = true;
        word.pop_back();
    }
    rule.names = split(word, '|');
    return rule;
}

void add_options(CommandRule& rule, std::string_view options, const std::optional<Level>& level) {
    for (std::string& word : split(options, ' ')) {
        if (const char* shared = shared_options(word))
            add_options(rule, shared, level);
        else if (auto option = option_rule(std::move(word), level))
            rule.options.push_back(std::move(*option));
    }
}

CommandRule command_rule(const CommandEntry& entry, Level level) {
    CommandRule rule;
    rule.name = entry.name;
    rule.least_args = static_cast<std::size_t>(entry.least);
    rule.most_args = entry.most < 0 ? std::numeric_limits<std::size_t>::max() : static_cast<std::size_t>(entry.most);
    rule.mount_point = entry.mount_point;
    rule.secret_words = entry.secret_words;
    rule.deprecated = in_range(level, entry.deprecated);
    rule.removed = in_range(level, entry.removed);
    rule.opaque = entry.opaque || rule.deprecated;
    rule.check = rule.opaque && !entry.opaque ? nullptr : entry.check;
    if (in_range(level, entry.warns)) rule.warning = entry.warning;
    add_options(rule, entry.options, level);
    for (const std::string& group : split(entry.last_wins, ';')) rule.exclusive.push_back(split(group, ' '));
    for (std::string& conflict : split(entry.conflicts, ' ')) {
        const std::optional<std::string> levels = cut(conflict, '@');
        if (levels && !in_range(level, *levels)) continue;
        if (conflict == "part") rule.conflicts.emplace_back("partition");
        rule.conflicts.push_back(std::move(conflict));
    }
    return rule;
}

bool names_kickseed(const CommandEntry& entry) {
    return std::string_view(entry.known).find('K') != std::string_view::npos;
}

}  // namespace

const OptionRule* CommandRule::option(std::string_view wanted, std::vector<std::string>& candidates) const {
    const OptionRule* found = nullptr;
    for (const OptionRule& rule : options) {
        for (const std::string& known : rule.names) {
            if (known == wanted) {
                candidates = {known};
                return &rule;
            }
            if (known.starts_with(wanted)) {
                if (found != &rule || candidates.empty()) candidates.push_back(known);
                found = &rule;
            }
        }
    }
    return candidates.size() == 1 ? found : nullptr;
}

const CommandRule* rule_of_any_level(std::string_view name) {
    static const std::map<std::string, CommandRule, std::less<>> rules = [] {
        std::map<std::string, CommandRule, std::less<>> all;
        for (const auto& entries : {command_entries(), section_entries()})
            for (const CommandEntry& entry : entries) {
                CommandRule& rule = all[entry.name];
                rule.name = entry.name;
                rule.most_args = std::max(rule.most_args, entry.most < 0 ? std::numeric_limits<std::size_t>::max()
                                                                         : static_cast<std::size_t>(entry.most));
                rule.opaque = rule.opaque || entry.opaque;
                rule.deprecated = rule.deprecated || *entry.deprecated != 0;
                rule.secret_words = rule.secret_words || entry.secret_words;
                add_options(rule, entry.options, std::nullopt);
            }
        return all;
    }();
    const auto found = rules.find(name);
    return found == rules.end() ? nullptr : &found->second;
}

CommandTable::CommandTable(Level level) : level_(level) {
    end_is_optional_ = in_range(level, "R5,K");
    // An entry that is made for kickseed comes before the one that is read at its place elsewhere.
    for (const bool kickseed : {true, false})
        for (const CommandEntry& entry : command_entries())
            if (names_kickseed(entry) == kickseed && in_range(level, entry.known) &&
                commands_.try_emplace(entry.name, Slot{&entry, nullptr}).second)
                names_.emplace_back(entry.name);
    for (const CommandEntry& entry : section_entries()) sections_.try_emplace(entry.name, Slot{&entry, nullptr});
}

const CommandRule* CommandTable::find(Slots& slots, std::string_view name) const {
    const auto found = slots.find(name);
    if (found == slots.end()) return nullptr;
    const std::lock_guard lock(mutex_);
    auto& rule = found->second.rule;
    if (!rule) rule = std::make_unique<const CommandRule>(command_rule(*found->second.entry, level_));
    return rule.get();
}

const CommandTable& CommandTable::at(Level level) {
    static std::mutex mutex;
    static std::map<std::pair<Level::Family, int>, std::unique_ptr<CommandTable>> tables;
    const std::lock_guard lock(mutex);
    auto& table = tables[{level.family, level.number}];
    if (!table) table.reset(new CommandTable(level));
    return *table;
}

const CommandRule* CommandTable::command(std::string_view name) const {
    return find(commands_, name);
}

const CommandRule* CommandTable::section(std::string_view name) const {
    return find(sections_, name);
}

}  // namespace kickstart
