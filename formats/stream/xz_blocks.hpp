// SPDX-License-Identifier: Apache-2.0
#pragma once
// An xz file of many blocks as something that can be read anywhere, through the index at its end.
// Blocks are unpacked several at a time when they are read in order.
#include <cstdint>
#include <memory>

#include "formats/disk/block_source.hpp"

namespace formats {

// None when the blocks are too large to hold (over 32 MiB) or there is only one: such a file is
// unpacked as a stream. Throws CorruptImage for a damaged index, and when more than `limit` bytes
// would come out.
std::shared_ptr<BlockSource> open_xz_blocks(std::shared_ptr<BlockSource> file, std::uint64_t limit = UINT64_MAX);

}  // namespace formats
