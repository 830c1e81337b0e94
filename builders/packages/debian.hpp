// SPDX-License-Identifier: Apache-2.0
#pragma once
// Installing a Debian root file system into a sandbox's tree with mmdebstrap.
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "builders/job/progress.hpp"
#include "builders/plan/build_plan.hpp"
#include "builders/sandbox/sandbox.hpp"
#include "builders/sandbox/way_out.hpp"

namespace builders::packages {

struct DebianInstall {
    std::string suite;  // "bookworm"
    std::string architecture = "amd64";
    std::vector<std::string> components;  // "main"
    std::vector<std::string> packages;    // on top of the essential set
    std::string variant = "minbase";
    std::vector<std::string> sources;    // one-line-style apt sources to install from; never end up in the tree
    Network network = Network::mirrors;  // of the installation, its scriptlets included
    std::vector<std::filesystem::path> keyrings{"/usr/share/keyrings", "/etc/apt/keyrings"};  // files or folders
    bool expired_indices = false;             // take indices past their Valid-Until
    std::string guest_sources;                // the tree's /etc/apt/sources.list, as it shall be
    std::vector<std::string> excluded_paths;  // dpkg path-exclude patterns (--excludedocs)
};

struct InstalledPackage {
    std::string name, version, architecture;
    std::string sha256;  // of its .deb, as the signed index says; empty when no index names this version any more
};

// The Debian entries among the host's apt sources (both styles, other vendors' entries skipped), as
// one-line entries with their Signed-By, credentials left out, for `suite` (its -updates and
// -security companions included where the host has them). Throws HostNotReady when there is none.
std::vector<std::string> host_debian_sources(const std::string& suite);

// What a build installs from: apt lines with their keys, and every address it may reach (what the guest will use
// itself included, as %post may install from there). Throws HostNotReady when keys are missing, saying who has them.
struct Sources {
    std::vector<std::string> lines;
    std::vector<network::Repository> repositories;
};
Sources sources_of(const BuildPlan& plan, const BuildHost& host);

// Every package that is installed at the end. Throws StepFailed naming the package when apt cannot find or install one.
std::vector<InstalledPackage> install(const DebianInstall& wanted, Sandbox& sandbox, Progress& progress,
                                      std::stop_token stop);

}  // namespace builders::packages
