// SPDX-License-Identifier: Apache-2.0
#include "kickstart/package_list.hpp"

#include <algorithm>

#include "kickstart/lines.hpp"
#include "kickstart/option_parser.hpp"

namespace kickstart {
void PackageList::add(std::string_view line, int number, std::vector<Diagnostic>& problems) {
    std::string text(trimmed(line.substr(0, line.find('#'))));
    if (text.empty()) return;
    const bool exclude = text.front() == '-';
    if (exclude) text.erase(0, 1);  // "- x" excludes a package called " x"
    if (text.empty()) {
        problems.push_back({number, 1, Severity::error, "other", "%packages: a lone '-' names no package"});
        return;
    }
    if (text.front() == '@') {
        const std::string name(trimmed(std::string_view(text).substr(1)));
        if (name.starts_with('^')) {
            if (!exclude)
                environment_ = name.substr(1);
            else if (environment_ == name.substr(1))
                environment_.clear();
            else
                excluded_groups_.insert(name);
            lines_[name] = number;
        } else if (exclude) {
            groups_.erase(name);
            excluded_groups_.insert(name);
            lines_[name] = number;
        } else {
            add_group(name, number, problems);
        }
        return;
    }
    (exclude ? excluded_ : packages_).insert(text);
    (exclude ? packages_ : excluded_).erase(text);
    lines_[text] = number;
}

void PackageList::add_group(const std::string& text, int number, std::vector<Diagnostic>& problems) {
    Packages::Group group{text, "default"};
    for (const auto& [option, level] : {std::pair{" --nodefaults", "mandatory"}, std::pair{" --optional", "all"}})
        if (const std::size_t at = group.name.find(option); at != std::string::npos) {
            group.name.erase(at, std::string_view(option).size());
            group.name = std::string(trimmed(group.name));
            group.level = level;
        }
    if (group.name.empty()) {
        problems.push_back({number, 1, Severity::error, "other", "%packages: '@' names no group"});
        return;
    }
    lines_[group.name] = number;
    groups_.try_emplace(group.name, group.level);
}

Packages PackageList::packages(const std::optional<Command>& header, int line,
                               const std::optional<Packages>& before) const {
    Packages result;
    result.line = before ? before->line : line;
    result.environment = environment_;
    for (const auto& [name, level] : groups_) result.groups.push_back({name, level});
    result.packages.assign(packages_.begin(), packages_.end());
    result.excluded_packages.assign(excluded_.begin(), excluded_.end());
    result.excluded_groups.assign(excluded_groups_.begin(), excluded_groups_.end());
    result.lines = lines_;
    result.headers = before ? before->headers : std::vector<Command>{};
    if (!header) return result;
    result.headers.push_back(*header);
    const auto has = [&](const char* name) { return header->options.contains(name); };
    result.no_core = has("nocore");
    result.exclude_docs = has("excludedocs");
    result.ignore_missing = has("ignoremissing");
    result.exclude_weakdeps = has("excludeWeakdeps") || has("exclude-weakdeps");
    for (const char* name : {"instLangs", "inst-langs"})
        if (has(name)) result.languages = comma_list(header->options.at(name).text);
    return result;
}

}  // namespace kickstart
