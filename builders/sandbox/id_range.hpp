// SPDX-License-Identifier: Apache-2.0
#pragma once
// The subordinate ids of the service's user (/etc/subuid, /etc/subgid), and the user namespaces that give us the
// rights over files that belong to them: every build's tree does.
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "builders/sandbox/process.hpp"

namespace builders {

struct IdRange {
    unsigned first = 0, count = 0;
};
struct SubordinateIds {
    std::string user;  // the name of this process's user
    std::vector<IdRange> users, groups;
};
// Of this process's user. Throws HostNotReady when there are none.
SubordinateIds own_subordinate_ids();

// Throws HostNotReady, naming the command that mends it, when this user cannot have a sandbox:
// root, no subordinate id range, no newuidmap, no bwrap, user namespaces switched off.
void check_sandbox_available();

struct HostTool {
    const char *program, *package;  // of this machine
};
// Throws HostNotReady, naming the command that installs it, for the first that is not there.
void require_programs(std::span<const HostTool> tools);

// A tool of the host on paths of ours, trusted: its root is ourselves, and it may do to files of subordinate ids
// what root may. No view is taken away.
Command in_id_range(const std::vector<std::string>& argv);

// Deletes a directory whatever subordinate ids own its files. Never follows a symlink.
void remove_tree(const std::filesystem::path& directory);

}  // namespace builders
