// SPDX-License-Identifier: Apache-2.0
#pragma once
// All that is particular to a family of distributions when an image of it is built or looked at: where its packages
// come from and how they are installed, where kernel, initramfs and boot menu lie, which of its programs write them,
// and what of an installation does not belong into an image. One value for each family; who builds (run_build,
// steps/, readiness/) knows none by name. Programs of the build host: host_tools.hpp. What a recipe means in a family:
// builders/plan.
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "builders/guest/guest.hpp"
#include "builders/job/progress.hpp"
#include "builders/plan/build_host.hpp"
#include "builders/plan/build_plan.hpp"
#include "builders/sandbox/sandbox.hpp"
#include "builders/sandbox/way_out.hpp"

namespace builders::packages {

struct InstalledPackage {
    std::string name, version, architecture;
    std::string sha256;  // of its file, as the signed index says; empty when no index names this version any more
};

// What a build installs from.
struct Sources {
    std::vector<std::string> lines;                 // in the family's own notation, with their keys
    std::vector<network::Repository> repositories;  // every address that the build may reach
};

struct Installation {
    const BuildPlan& plan;
    const BuildHost& host;
    const Sources& sources;
    Sandbox& sandbox;  // its tree is empty
    Progress& progress;
    std::stop_token stop;
};

// One file for each kernel version: a path with a "*" where the version stands.
struct VersionedPath {
    std::string pattern;  // "/boot/initrd.img-*"
    std::string of(std::string_view version) const;
    std::string version(std::string_view path) const;  // REQUIRES: the pattern matches the path
};

// Where an installed system keeps what starts it.
struct BootFiles {
    VersionedPath kernel, config, initramfs;
    std::string list_initramfs;  // a program of the image: prints the names of the files in one
    std::string add_module;      // a command in the image that puts a module, "*", into every initramfs
    std::string menu;            // what GRUB reads, and pygrub
    std::string legacy_menu;     // what pv-grub and old pygrub read
};

// Programs of the image that put GRUB onto the disk.
struct Loader {
    std::string bios;  // followed by the disk
    std::string uefi;  // into the EFI system partition, and where firmware looks that remembers nothing
    std::string menu;  // writes BootFiles::menu
};

// One way to start a kernel.
struct BootEntry {
    std::string file;  // "grub.cfg"
    std::string line;  // that names kernel and arguments
};

// Paths of the tree, relative to its root.
struct Traces {
    std::vector<std::string> emptied;  // folders whose content goes: caches, lists
    std::vector<std::string> kept;     // folders that programs expect all the same
    std::string documentation;         // a command that removes it, for --excludedocs; licences stay
};

struct GuestAgents {
    std::vector<std::string> packages;  // patterns as of fnmatch(3)
    std::string where;                  // who has them, for people
};

struct Family {
    std::string_view name;  // Distribution::family
    HostView view;          // of the build host, for its tools
    BootFiles boot;
    Loader loader;
    Traces traces;
    GuestAgents agents;

    // Every address is in it that the guest will use itself, as %post may install from there. Throws HostNotReady
    // when keys are missing, saying who has them.
    Sources (*sources)(const BuildPlan& plan, const BuildHost& host);
    // Every package that is installed at the end. Throws StepFailed naming the package that is not to be had or fails.
    std::vector<InstalledPackage> (*install)(const Installation& what);
    std::vector<BootEntry> (*boot_entries)(Guest& guest);
};

const Family* find_family(std::string_view name);  // nullptr: it has no builder
// REQUIRES: not_built_yet() says nothing of the plan.
const Family& family_of(const BuildPlan& plan);

}  // namespace builders::packages
