// SPDX-License-Identifier: Apache-2.0
#pragma once
// What is particular to one release of a distribution: one small data file each under
// builders/plan/distributions/, compiled in. Adding a release is adding a file. A file may say "like": another release
// whose values it has but for its own; "{release}" in a text is the file's own "release".
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace builders {

struct PackageSource {
    std::string name, kind, address;  // kind: "baseurl", "mirrorlist", "metalink"
};

struct Distribution {
    std::string id;       // "debian-12"
    std::string title;    // "Debian 12"
    std::string family;   // "debian", "rpm"
    std::string release;  // $releasever of an RPM family, "7"
    std::string level;    // the kickstart level of its own installer, "RHEL7"; empty: it has none
    // How a recipe names it, in lower case: parts of a source's address that only this release has; the same of add-on
    // sources for it; values of #version=, for which it stands.
    std::vector<std::string> addresses, addons, versions;
    std::string suite, architecture;
    std::vector<std::string> components;
    std::vector<std::string> companions;      // suites beside it, as endings: "-updates", "-security"
    std::vector<PackageSource> repositories;  // of an RPM family
    std::string keys;                         // where the keys of its packages come from, for people
    std::string keyring;  // the file they are in on the build host; empty: only the operator's --keyring
    std::string guest_mirror, guest_security_mirror;  // what the guest itself uses afterwards
    std::string kernel;                               // package
    std::string pv_kernel;                            // package, for modes pv and pvh
    std::string hvm_kernel;  // package, with drivers of emulated disks and cards; empty: kernel has them
    std::map<std::string, std::vector<std::string>> bootloader;  // "bios", "uefi", "hybrid", "menu" → packages
    std::vector<std::string> core_packages;                      // what every machine needs
    std::string file_system;                                     // of partitions that name none; empty: ext4
    std::string network;      // what sets up its interfaces: "networkd", "netplan", "ifcfg", "keyfile"
    std::string init;         // "systemd", "sysv"
    std::string firewall;     // "nftables", "firewalld", "iptables"
    std::string time_keeper;  // package that keeps the time: "chrony", "ntp"
    std::string langpack;     // packages of languages begin so, "glibc-langpack-"; empty: none are needed
    std::vector<std::string> minimal_packages;                       // with %packages --nocore
    std::map<std::string, std::string> groups;                       // of other families → this one's
    std::map<std::string, std::string> services;                     // unit names of other families → this one's
    std::map<std::string, std::vector<std::string>> package_groups;  // "@core" → packages
};

const std::vector<Distribution>& distributions();  // sorted by id
const Distribution* find_distribution(const std::string& id);
std::vector<std::string> distribution_ids();

}  // namespace builders
