// SPDX-License-Identifier: Apache-2.0
#pragma once
// What every family plans alike of how the image starts; the boot loader's own files are each family's.
#include "builders/plan/plan_parts.hpp"

namespace builders::plan {

formats::Mode mode_of(const BuildOptions& options);
bool wants_loader(const kickstart::Recipe& recipe);  // false: --location=none, the image does not boot by itself

// The recipe's `bootloader`: whether there is one, its timeout, the kernel's arguments. False: neither loader nor
// kernel is wanted, and a note says so.
bool plan_boot(const kickstart::Recipe& recipe, const BuildOptions& options, BuildPlan& plan, Errors& errors);

// The package of the distribution's kernel that runs in the mode asked for.
const std::string& usual_kernel(const BuildOptions& options, const Distribution& distribution);

// The key into Distribution::bootloader: "menu" (a grub.cfg alone), "hybrid", "uefi" or "bios".
std::string loader_for(const StoragePlan& storage);

// The packages with which the image can check and mount what it is made of.
void add_storage_tools(BuildPlan& plan);

}  // namespace builders::plan
