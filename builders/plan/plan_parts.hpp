// SPDX-License-Identifier: Apache-2.0
#pragma once
// The parts of plan_build(), one source file each. Every part appends what it cannot do to `errors`
// and what it does differently to plan.notes.
#include "builders/build_plan.hpp"

namespace builders::plan {

using Errors = std::vector<kickstart::Diagnostic>;

void refuse(Errors& errors, int line, const std::string& message);
std::string lower_hex_uuid(const std::string& identity, const std::string& what);

// Every command of the recipe that is not done: an error or a note. (treatment.cpp)
void treat_commands(const kickstart::Recipe& recipe, BuildPlan& plan, Errors& errors);

// Partitions with their places. (disk.cpp)
void plan_disk(const kickstart::Recipe& recipe, const BuildOptions& options, BuildPlan& plan, Errors& errors);

// Packages, sources, and the system's files and commands in Debian's way. (debian.cpp)
void plan_debian(const kickstart::Recipe& recipe, const BuildOptions& options, BuildPlan& plan, Errors& errors);

// Users, groups, keys, passwords. (users.cpp)
void plan_users(const kickstart::Recipe& recipe, const BuildOptions& options, BuildPlan& plan, Errors& errors);

// With the UUIDs known: fstab and what refers to file systems. (disk.cpp)
TreeFile fstab(const DiskPlan& disk);

}  // namespace builders::plan
