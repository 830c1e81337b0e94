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

// Disks, partitions, volume groups with their places. (storage_requests.cpp, storage.cpp)
void plan_storage(const kickstart::Recipe& recipe, const BuildOptions& options, BuildPlan& plan, Errors& errors);

// Packages, sources, and the system's files and commands in Debian's way. (debian.cpp)
void plan_debian(const kickstart::Recipe& recipe, const BuildOptions& options, BuildPlan& plan, Errors& errors);

// Host name and interfaces, in the way of the distribution. (network.cpp)
void plan_network(const kickstart::Recipe& recipe, BuildPlan& plan, Errors& errors, bool core);

// Users, groups, keys, passwords. (users.cpp)
void plan_users(const kickstart::Recipe& recipe, const BuildOptions& options, BuildPlan& plan, Errors& errors);

// With the UUIDs known. (storage.cpp)
TreeFile fstab(const StoragePlan& storage);

}  // namespace builders::plan
