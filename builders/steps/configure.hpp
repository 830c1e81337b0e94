// SPDX-License-Identifier: Apache-2.0
#pragma once
// What is done to the installed tree before it is copied to the disk.
#include <stop_token>

#include "builders/job/progress.hpp"
#include "builders/packages/family.hpp"
#include "builders/plan/build_plan.hpp"
#include "builders/sandbox/sandbox.hpp"

namespace builders::steps {

// The plan's files, commands, groups, users, passwords and keys. Throws StepFailed naming the command.
void configure(const BuildPlan& plan, Sandbox& sandbox, Progress& progress, std::stop_token stop);

// Scripts in order, in the sandbox: in the tree, or outside of it with the build host's tools. `what` is the
// section's name. A script that fails is an error with --erroronfail, else a line of the log.
void run_scripts(const std::vector<ScriptPlan>& scripts, const std::string& what, Network network, Sandbox& sandbox,
                 Progress& progress, std::stop_token stop);

// Identity and traces: machine-id, SSH host keys, logs, caches, what the family leaves; the resolver's link.
void clean(const BuildPlan& plan, const packages::Traces& traces, Sandbox& sandbox, std::stop_token stop);

// A file under a mount point of its own stops being a hard link: its other names may come to lie on another file
// system (kernels of Debian 14 are one file in /boot and /usr/lib/modules). Throws StepFailed.
void part_hard_links(const BuildPlan& plan, Sandbox& sandbox, std::stop_token stop);

// About how many bytes the tree takes as a tar stream; at least 1.
double tree_size(Sandbox& sandbox, std::stop_token stop);

}  // namespace builders::steps
