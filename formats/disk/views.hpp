// SPDX-License-Identifier: Apache-2.0
#pragma once
// Views: disks made of other disks. A file's own bytes are a BlockSource too, so that a format can
// be read out of a part of a file (a disk inside a tar) or out of a packed file alike.
#include <memory>
#include <vector>

#include "formats/base/block_source.hpp"
#include "formats/base/file_place.hpp"

namespace formats {

// The disk with zeroes behind its end. REQUIRES: size >= disk.virtual_size(); the disk outlives it.
class PaddedDisk : public BlockSource {
public:
    PaddedDisk(BlockSource& disk, std::uint64_t size) : disk_(disk), size_(size) {}
    std::uint64_t virtual_size() const override { return size_; }
    Extent extent_at(std::uint64_t offset) override;
    void read_at(std::uint64_t offset, std::span<std::byte> out) override;

private:
    BlockSource& disk_;
    std::uint64_t size_;
};

// A part of a disk. REQUIRES: offset + size <= disk->virtual_size().
class SlicedDisk : public BlockSource, public HasFilePlaces {
public:
    SlicedDisk(std::shared_ptr<BlockSource> disk, std::uint64_t offset, std::uint64_t size)
        : disk_(std::move(disk)), offset_(offset), size_(size) {}
    std::uint64_t virtual_size() const override { return size_; }
    Extent extent_at(std::uint64_t offset) override;
    void read_at(std::uint64_t offset, std::span<std::byte> out) override;
    std::optional<FilePlace> place_at(std::uint64_t offset) override;

private:
    std::shared_ptr<BlockSource> disk_;  // several disks of one archive share its file
    std::uint64_t offset_, size_;
};

// A run of whole units that an allocated extent touches.
struct UnitRun {
    std::uint64_t first, count;
};

// The disk cut into units (clusters, blocks, chunks): the runs of those that hold data, ascending,
// never touching each other. Walks the extents, reads nothing.
std::vector<UnitRun> allocated_units(BlockSource& disk, std::uint64_t unit);

// Reads [offset, offset + out.size()), with zeroes behind the end of the disk.
void read_padded(BlockSource& disk, std::uint64_t offset, std::span<std::byte> out);

}  // namespace formats
