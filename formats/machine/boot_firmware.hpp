// SPDX-License-Identifier: Apache-2.0
#pragma once
// Does this disk boot by UEFI or by a BIOS? Read from its first sector and its partition table.
#include "formats/base/block_source.hpp"
#include "formats/machine/hardware.hpp"

namespace formats {

// bios: the first sector has code and its signature. uefi: a GPT has an EFI system partition. A disk that is one file
// system, or has nothing on it yet, has neither.
struct BootWays {
    bool bios = false, uefi = false;
};
BootWays boot_ways(BlockSource& disk);

// What a machine for this disk gets: UEFI when a GPT has an EFI system partition and neither a BIOS boot partition nor
// boot code in the first sector; BIOS for everything else.
Firmware boot_firmware(BlockSource& disk);

}  // namespace formats
