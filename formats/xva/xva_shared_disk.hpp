// SPDX-License-Identifier: Apache-2.0
#pragma once
// A disk of an XVA for many readers at once. Inside the room only.
#include <memory>

#include "formats/xva/chunk_runs.hpp"

namespace formats::xva {

// With `verified`, a chunk is compared with its checksum when it is read for the first time.
std::unique_ptr<BlockSource> shared_disk(std::shared_ptr<BlockSource> file, std::uint64_t size, ChunkRuns runs,
                                         bool verified);

// Compares a chunk with the member that stands behind it. `place`: of the data in the archive.
void verify_with_member(std::span<const std::byte> data, std::span<const std::byte> member, std::uint64_t place);

}  // namespace formats::xva
