// SPDX-License-Identifier: Apache-2.0
#pragma once
// The parts of plan_build(), one source file each. Every part appends what it cannot do to `errors`
// and what it does differently to plan.notes.
#include "builders/plan/build_plan.hpp"

namespace builders::plan {

using Errors = std::vector<kickstart::Diagnostic>;

void refuse(Errors& errors, int line, const std::string& message);
std::string lower_hex_uuid(const std::string& identity, const std::string& what);

// The release that a recipe names without the option distribution: by the address of a source, by #version=, by the
// address of an add-on source; else a guess by the file's name, or by the level that reads it best. (release_named.cpp)
struct NamedRelease {
    const Distribution* distribution;
    int line;             // 0: none
    std::string because;  // "url http://…", "#version=RHEL7"
    bool guessed;
};
std::optional<NamedRelease> release_named(const kickstart::Recipe& recipe);
std::string no_release(const kickstart::Recipe& recipe);  // why there is none, for the one who wrote it
bool on_installer_medium(const std::string& address);     // where an installer finds what it runs from
const Distribution* release_of_address(const std::string& address);
std::optional<std::string> foreign_architecture(const std::string& address);  // "aarch64", when the address says so

// No machine has that much of it; false when it was refused. Below these counts planning takes no time worth
// mentioning. (treatment.cpp)
bool of_sane_size(const kickstart::Recipe& recipe, Errors& errors);

// Every command of the recipe that is not done: an error or a note. (treatment.cpp)
void treat_commands(const kickstart::Recipe& recipe, BuildPlan& plan, Errors& errors);

// Disks, partitions, volume groups with their places. (storage_requests.cpp, storage.cpp)
void plan_storage(const kickstart::Recipe& recipe, const BuildOptions& options, BuildPlan& plan, Errors& errors);

// Packages, sources, and the system's files and commands in Debian's way. (debian.cpp)
void plan_debian(const kickstart::Recipe& recipe, const BuildOptions& options, BuildPlan& plan, Errors& errors);

// The same in the way of the RPM family; what is planned here is not built yet. (rpm.cpp)
void plan_rpm(const kickstart::Recipe& recipe, const BuildOptions& options, BuildPlan& plan, Errors& errors);

// Its first part: what is installed, and from where. (rpm_packages.cpp)
void plan_rpm_packages(const kickstart::Recipe& recipe, const BuildOptions& options, BuildPlan& plan, Errors& errors);

// Host name and interfaces, in the way of the distribution. (network.cpp)
void plan_network(const kickstart::Recipe& recipe, BuildPlan& plan, Errors& errors, bool core);

// Users, groups, keys, passwords. (users.cpp)
void plan_users(const kickstart::Recipe& recipe, const BuildOptions& options, BuildPlan& plan, Errors& errors);

// With the UUIDs known. (storage.cpp)
TreeFile fstab(const StoragePlan& storage);

}  // namespace builders::plan
