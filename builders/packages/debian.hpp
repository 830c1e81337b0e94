// SPDX-License-Identifier: Apache-2.0
#pragma once
// Installing a Debian root file system into a sandbox's tree with mmdebstrap.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "builders/progress.hpp"
#include "builders/sandbox.hpp"

namespace builders::packages {

struct DebianInstall {
    std::string suite;  // "bookworm"
    std::string architecture = "amd64";
    std::vector<std::string> components;  // "main"
    std::vector<std::string> packages;    // on top of the essential set
    std::string variant = "minbase";
    // One-line-style apt sources to install from. Empty: the host's own Debian entries
    // (host_debian_sources), rewritten for `suite`. Never end up in the tree.
    std::vector<std::string> sources;
    std::string guest_sources;                // the tree's /etc/apt/sources.list, as it shall be
    std::vector<std::string> excluded_paths;  // dpkg path-exclude patterns (--excludedocs)
};

struct InstalledPackage {
    std::string name, version, architecture;
};

// The Debian entries among the host's apt sources (both styles, other vendors' entries skipped), as
// one-line entries with their Signed-By, credentials left out, for `suite` (its -updates and
// -security companions included where the host has them). Throws HostNotReady when there is none.
std::vector<std::string> host_debian_sources(const std::string& suite);

// Throws StepFailed naming the package when apt cannot find or install one.
std::vector<InstalledPackage> install(const DebianInstall& wanted, Sandbox& sandbox, Progress& progress,
                                      std::stop_token stop);

}  // namespace builders::packages
