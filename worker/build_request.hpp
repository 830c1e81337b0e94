// SPDX-License-Identifier: Apache-2.0
#pragma once
// A build's request as it lies in its job's row and folder: {"options": {NAME: TEXT or [TEXT …]}, "date": YYYYMMDD,
// "host"}.
#include <boost/json.hpp>
#include <filesystem>
#include <string>

#include "builders/plan/build_plan.hpp"

namespace worker {

// Throws builders::StepFailed that names a wrong one.
builders::BuildOptions options_of(const boost::json::object& request);

// What a job builds: the plan that was accepted, which lies in its folder; where none does (a job that an earlier
// release queued), the recipe is planned. Throws builders::StepFailed for a plan that is damaged, or a recipe with
// errors.
builders::BuildPlan plan_of(const std::filesystem::path& folder, const boost::json::object& request,
                            const std::string& recipe);

}  // namespace worker
