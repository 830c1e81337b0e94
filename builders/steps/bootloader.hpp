// SPDX-License-Identifier: Apache-2.0
#pragma once
// GRUB onto the disk, by the installed system's own programs inside the appliance: into the MBR or the BIOS boot
// partition, into the EFI system partition (where every firmware looks), or its menu only, for pygrub and pvgrub.
#include "builders/guest/guest.hpp"
#include "builders/job/progress.hpp"
#include "builders/packages/family.hpp"
#include "builders/plan/build_plan.hpp"

namespace builders::steps {

// Throws StepFailed with all that the failing program said.
void install_bootloader(const BuildPlan& plan, const packages::Family& family, Guest& guest, Progress& progress);

}  // namespace builders::steps
