// SPDX-License-Identifier: Apache-2.0
#pragma once
// Does this disk boot by UEFI or by a BIOS? Read from its partition table alone.
#include "formats/disk/block_source.hpp"
#include "formats/hardware.hpp"

namespace formats {

// UEFI when a GPT has an EFI system partition and neither a BIOS boot partition nor boot code in the
// first sector; BIOS for everything else.
Firmware boot_firmware(BlockSource& disk);

}  // namespace formats
