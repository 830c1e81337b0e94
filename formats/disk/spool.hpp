// SPDX-License-Identifier: Apache-2.0
#pragma once
// A stream made readable anywhere: it goes into a file without a name, which ends with its last user.
// Runs of zeroes become holes, so that what is spooled says where its data is.
#include <filesystem>
#include <memory>

#include "formats/base/block_source.hpp"
#include "formats/stream/byte_sink.hpp"

namespace formats {

// Throws RefusedImage when more than `limit` bytes come.
std::shared_ptr<BlockSource> spool(ByteSource& from, const std::filesystem::path& folder, std::uint64_t limit);

}  // namespace formats
