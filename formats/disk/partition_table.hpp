// SPDX-License-Identifier: Apache-2.0
#pragma once
// Is the partition table in a disk's first sector one that every reader takes alike? A table that says
// different things to different programs is how a disk hides what is on it.
#include <string>
#include <vector>

#include "formats/base/block_source.hpp"

namespace formats {

// One line for each thing that is wrong: a boot flag other than 0x00 and 0x80; a protective (0xEE) entry that does
// not start at CHS 0/2/0 and LBA 1, or is not the only one. Empty for a sound table, and where there is none: no
// 0x55AA, or the boot sector of a file system. Reads one sector.
std::vector<std::string> partition_table_problems(BlockSource& disk);

}  // namespace formats
