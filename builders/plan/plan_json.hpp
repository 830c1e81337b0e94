// SPDX-License-Identifier: Apache-2.0
#pragma once
// A whole plan as text and back, so that who accepted a recipe and who builds it have the same plan: the service (or
// the command) plans once, and its worker does that. The text holds every secret of the recipe: it goes into a file of
// the service's own (plan_file), 0600, and is gone with the recipe. What everybody may read is to_json(BuildPlan).
//
// The distribution is named by its id, as its data are compiled in.
#include <string>
#include <string_view>

#include "builders/plan/build_plan.hpp"

namespace builders {

constexpr const char* plan_file = "plan-private";  // in a job's folder

std::string private_json(const BuildPlan& plan);

// Throws std::runtime_error that names the member and what is wrong with it: not JSON, a member that is missing or not
// known, a value of another kind, an unknown distribution or format. What it returns gives the same private_json().
BuildPlan plan_from_json(std::string_view text);

}  // namespace builders
