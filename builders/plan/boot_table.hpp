// SPDX-License-Identifier: Apache-2.0
#pragma once
// What starts what: each layout in each mode, as one table. The plan refuses by it before anything is downloaded,
// readiness holds the finished disk against it, and a test holds docs/readiness.md against it. Under Xen a guest of
// mode pvhvm or hvm is started by its firmware, from the disk's boot code or EFI system partition; one of mode pv or
// pvh by pygrub, which reads grub.cfg and the kernel on the host, from the first disk, and knows neither XFS nor LVM.
#include <optional>
#include <string>
#include <string_view>

#include "builders/plan/storage_plan.hpp"
#include "formats/machine/hardware.hpp"

namespace builders {

enum class BootWay { none, bios, uefi, either_firmware, pygrub };
std::string_view to_string(BootWay way);  // "BIOS", "BIOS or UEFI", "refused" …

BootWay boot_way(Layout layout, formats::Mode mode);  // REQUIRES: layout is not automatic

// Why it does not boot, and what would.
struct BootRefusal {
    std::string message;
    std::string mount_point;  // the file system that is in the way; empty: the layout or the mode itself
};

// By layout and mode alone, when nothing has a place yet.
std::optional<BootRefusal> cannot_boot(Layout layout, formats::Mode mode);
// By where the kernel lies and how many disks there are, too.
std::optional<BootRefusal> cannot_boot(const StoragePlan& storage, formats::Mode mode);

}  // namespace builders
