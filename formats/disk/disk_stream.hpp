// SPDX-License-Identifier: Apache-2.0
#pragma once
// A file on the disk plane as a stream on the byte plane, from its first byte; skipping costs nothing.
#include <algorithm>

#include "formats/base/block_source.hpp"
#include "formats/stream/byte_sink.hpp"

namespace formats {

class DiskStream : public ByteSource {
public:
    explicit DiskStream(BlockSource& disk) : disk_(disk) {}
    std::size_t read(std::span<std::byte> out) override {
        const std::uint64_t count = std::min<std::uint64_t>(out.size(), disk_.virtual_size() - position_);
        disk_.read_at(position_, out.first(count));
        position_ += count;
        return count;
    }
    std::uint64_t skip(std::uint64_t count) override {
        count = std::min(count, disk_.virtual_size() - position_);
        position_ += count;
        return count;
    }
    std::uint64_t position() const { return position_; }

private:
    BlockSource& disk_;
    std::uint64_t position_ = 0;
};

}  // namespace formats
