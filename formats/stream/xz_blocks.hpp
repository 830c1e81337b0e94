// SPDX-License-Identifier: Apache-2.0
#pragma once
// An xz file of many blocks as something that can be read anywhere, through the index at its end.
// Blocks are unpacked several at a time when they are read in order.
#include <cstdint>
#include <memory>

#include "formats/disk/block_source.hpp"
#include "formats/stream/block_cache.hpp"

namespace formats {

// None when the blocks are too large to hold (over 32 MiB) or there is only one: such a file is
// unpacked as a stream. Throws CorruptImage for a damaged index, and when more than `limit` bytes
// would come out.
std::shared_ptr<BlockSource> open_xz_blocks(std::shared_ptr<BlockSource> file, std::uint64_t limit = UINT64_MAX);

// The same for many readers at once, who share what is unpacked: read_at() is thread-safe if the file's is,
// and may throw NotYet. One block is enough. Every unpacked block is verified by the check that xz keeps of it.
std::shared_ptr<BlockSource> open_xz_blocks(std::shared_ptr<BlockSource> file, std::shared_ptr<BlockCache> cache,
                                            std::uint64_t limit = UINT64_MAX);

}  // namespace formats
