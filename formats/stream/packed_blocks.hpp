// SPDX-License-Identifier: Apache-2.0
#pragma once
// A packed file as something that can be read anywhere, because it says where its blocks are and each unpacks alone:
// xz of several blocks by the index at its end, zstd by its seek table, gzip by the sizes that its members state. All
// that make_compressor() writes does; of others' files, xz of several blocks, and zstd in the seekable format.
#include <cstdint>
#include <memory>

#include "formats/base/block_source.hpp"
#include "formats/stream/block_cache.hpp"
#include "formats/stream/compress.hpp"

namespace formats {

// For one reader: the blocks read last are kept, and several are unpacked at a time when they are read in order.
// None when the blocks are too large to hold (over 32 MiB), when there is only one, or when nothing says where they
// are: such a file is unpacked as a stream. Throws CorruptImage for a damaged index, and when more than `limit` bytes
// would come out.
std::shared_ptr<BlockSource> open_blocks(Compression packing, std::shared_ptr<BlockSource> file,
                                         std::uint64_t limit = UINT64_MAX);

// For many readers at once, who share what is unpacked: read_at() is thread-safe if the file's is, and may throw
// NotYet. One block is enough. Every unpacked block is verified by the check that the format keeps of it.
std::shared_ptr<BlockSource> open_blocks(Compression packing, std::shared_ptr<BlockSource> file,
                                         std::shared_ptr<BlockCache> cache, std::uint64_t limit = UINT64_MAX);

}  // namespace formats
