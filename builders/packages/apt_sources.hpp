// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where packages of Debian's family come from: the host's apt sources, both styles (sources.list(5)), reduced to what
// a build may use of them, and those of the plan.
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "builders/packages/family.hpp"

namespace builders::packages {

struct AptSource {
    std::string uri, suite;
    std::vector<std::string> components;
    std::string signed_by;  // path of the keyring; empty: apt's trusted set
    bool enabled = true;
    std::string line() const;  // one-line style, for /etc/apt/sources.list
};

std::vector<AptSource> parse_one_line(std::string_view text);  // *.list
std::vector<AptSource> parse_deb822(std::string_view text);    // *.sources

// The Debian entries of a folder like /etc/apt, other vendors' skipped. Credentials in an address are
// not copied. Debian's are those whose suite is one of Debian's and whose address ends in /debian,
// /debian-security or the like, or whose keyring is Debian's.
std::vector<AptSource> debian_sources(const std::filesystem::path& apt_folder);

// Every http(s) address in lines of apt's one-line style.
std::vector<network::Repository> repositories_of(const std::vector<std::string>& apt_lines, bool trusted);

// One-line entries with their Signed-By: the plan's, and the distribution's own, which for Debian are those of this
// machine without its credentials. Throws HostNotReady when there are none, or no keys.
Sources apt_sources_of(const BuildPlan& plan, const BuildHost& host);

}  // namespace builders::packages
