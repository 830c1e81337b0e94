// SPDX-License-Identifier: Apache-2.0
#pragma once
// Raw: the bytes of the disk, as they are. Holes of a sparse file are extents not allocated
// (lseek SEEK_DATA / SEEK_HOLE).
#include <filesystem>
#include <memory>

#include "formats/disk/block_source.hpp"

namespace formats::raw {

// Throws std::system_error when the file cannot be opened, CorruptImage when it is empty.
std::unique_ptr<BlockSource> open_raw(const std::filesystem::path& path);

}  // namespace formats::raw
