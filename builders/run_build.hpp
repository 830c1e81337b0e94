// SPDX-License-Identifier: Apache-2.0
#pragma once
// Runs a plan: packages, scripts, disk. Leaves one raw sparse file per disk in the work folder.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "builders/guest/guest.hpp"
#include "builders/job/progress.hpp"
#include "builders/plan/build_host.hpp"
#include "builders/plan/build_plan.hpp"

namespace builders {

struct BuiltDisk {
    std::filesystem::path path;  // raw, sparse
    std::uint64_t virtual_size;  // bytes
};

struct BuildResult {
    std::vector<BuiltDisk> disks;
    std::string report;  // JSON object: steps with times, packages with versions, notes
};

// `work` exists, is empty and ours (0711); what is left in it is the caller's to remove (remove_tree).
// Progress is told from more than one thread. Throws StepFailed, HostNotReady, Cancelled.
BuildResult run_build(const BuildPlan& plan, const BuildHost& host, const std::filesystem::path& work,
                      const GuestFactory& guests, Progress& progress, std::stop_token stop);

// The steps run_build reports, for a caller that adds its own behind them.
std::vector<StepWeight> build_steps(const BuildPlan& plan);

}  // namespace builders
