// SPDX-License-Identifier: Apache-2.0
#pragma once
// Raw: the bytes of the disk, as they are. Holes of a sparse file are extents not allocated, and a
// writer's holes are holes of the file when the sink can make them. Rules: docs/formats/raw.md.
#include <filesystem>
#include <memory>

#include "formats/base/block_source.hpp"
#include "formats/disk/ranged_output.hpp"
#include "formats/stream/byte_sink.hpp"

namespace formats::raw {

// Throws std::system_error when the file cannot be opened, CorruptImage when it is empty.
std::unique_ptr<BlockSource> open_raw(const std::filesystem::path& path);
std::unique_ptr<BlockSource> open_raw(std::shared_ptr<BlockSource> file, const std::string& name);

// Exactly disk.virtual_size() bytes; does not finish the sink.
void write_raw(BlockSource& disk, ByteSink& sink);
// The same bytes from any place. REQUIRES: the disk outlives it.
std::unique_ptr<RangedOutput> raw_output(BlockSource& disk);

}  // namespace formats::raw
