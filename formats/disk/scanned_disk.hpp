// SPDX-License-Identifier: Apache-2.0
#pragma once
// A disk whose extents say what its source could not: every allocated byte was read once, and grains
// that are all zero are not allocated. For sources without holes, such as a raw disk copied by dd.
#include <vector>

#include "formats/base/block_source.hpp"
#include "formats/disk/views.hpp"

namespace formats {

class ScannedDisk : public BlockSource, public HasFilePlaces {
public:
    explicit ScannedDisk(BlockSource& disk);  // reads all that is allocated. REQUIRES: it outlives this
    std::uint64_t virtual_size() const override { return disk_.virtual_size(); }
    Extent extent_at(std::uint64_t offset) override;
    void read_at(std::uint64_t offset, std::span<std::byte> out) override { disk_.read_at(offset, out); }
    std::optional<FilePlace> place_at(std::uint64_t offset) override { return place_in(disk_, offset); }

private:
    BlockSource& disk_;
    std::vector<UnitRun> runs_;
};

// Bytes that are allocated, counted over the extents.
std::uint64_t allocated_bytes(BlockSource& disk);

}  // namespace formats
