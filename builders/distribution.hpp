// SPDX-License-Identifier: Apache-2.0
#pragma once
// What is particular to one release of a distribution: one small data file each under
// builders/distributions/, compiled in. Adding a release is adding a file.
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace builders {

struct Distribution {
    std::string id;      // "debian-12"
    std::string title;   // "Debian 12"
    std::string family;  // "debian"
    std::string suite, architecture;
    std::vector<std::string> components;
    std::vector<std::string> companions;  // suites beside it, as endings: "-updates", "-security"
    std::string keys;                     // where the keys of its packages come from, for people
    std::string keyring;  // the file they are in on the build host; empty: only the operator's --keyring
    std::string guest_mirror, guest_security_mirror;             // what the guest itself uses afterwards
    std::string kernel;                                          // package
    std::string pv_kernel;                                       // package, for modes pv and pvh
    std::map<std::string, std::vector<std::string>> bootloader;  // "bios", "uefi", "hybrid", "menu" → packages
    std::vector<std::string> core_packages;                      // what every machine needs
    std::string network;                                         // what sets up its interfaces: "networkd", "netplan"
    std::vector<std::string> minimal_packages;                   // with %packages --nocore
    std::map<std::string, std::string> groups;                   // of other families → this one's
    std::map<std::string, std::string> services;                 // unit names of other families → this one's
    std::map<std::string, std::vector<std::string>> package_groups;  // "@core" → packages
};

std::optional<Distribution> find_distribution(const std::string& id);
std::vector<std::string> distribution_ids();

}  // namespace builders
