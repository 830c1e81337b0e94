// SPDX-License-Identifier: Apache-2.0
#pragma once
// From the disk plane to the byte plane: the one loop in which every writer moves data.
#include "formats/base/block_source.hpp"
#include "formats/stream/byte_sink.hpp"

namespace formats {

// Bytes [offset, offset + length) of the disk, in order; what is not allocated, and what lies behind
// the end of the disk, goes as ByteSink::write_zeroes.
void stream_disk(BlockSource& disk, std::uint64_t offset, std::uint64_t length, ByteSink& sink);

}  // namespace formats
