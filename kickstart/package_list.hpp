// SPDX-License-Identifier: Apache-2.0
#pragma once
// The lines of %packages sections, applied in order: a later line wins over an earlier one.
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "kickstart/parser.hpp"

namespace kickstart {

class PackageList {
public:
    void add(std::string_view line, int number, std::vector<Diagnostic>& problems);

    bool empty() const { return lines_.empty(); }

    // All lines so far under this section's header in `line`, which may have been refused; `before` is what earlier
    // sections made.
    Packages packages(const std::optional<Command>& header, int line, const std::optional<Packages>& before) const;

private:
    void add_group(const std::string& text, int number, std::vector<Diagnostic>& problems);

    std::string environment_;
    std::map<std::string, std::string> groups_;  // name → level
    std::set<std::string> packages_, excluded_, excluded_groups_;
    std::map<std::string, int> lines_;
};

}  // namespace kickstart
