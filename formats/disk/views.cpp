// SPDX-License-Identifier: Apache-2.0
#include "formats/disk/views.hpp"

#include <algorithm>

namespace formats {

Extent PaddedDisk::extent_at(std::uint64_t offset) {
    const std::uint64_t inner = disk_.virtual_size();
    if (offset >= inner) return {offset, size_ - offset, false};
    Extent extent = disk_.extent_at(offset);
    if (!extent.allocated && extent.offset + extent.length == inner) extent.length = size_ - extent.offset;
    return extent;
}

void PaddedDisk::read_at(std::uint64_t offset, std::span<std::byte> out) {
    read_padded(disk_, offset, out);
}

Extent SlicedDisk::extent_at(std::uint64_t offset) {
    const Extent extent = disk_->extent_at(offset_ + offset);
    return {offset, std::min(extent.length, size_ - offset), extent.allocated};
}

void SlicedDisk::read_at(std::uint64_t offset, std::span<std::byte> out) {
    disk_->read_at(offset_ + offset, out);
}

std::optional<FilePlace> SlicedDisk::place_at(std::uint64_t offset) {
    std::optional<FilePlace> place = place_in(*disk_, offset_ + offset);
    if (place) place->length = std::min(place->length, size_ - offset);
    return place;
}

std::vector<UnitRun> allocated_units(BlockSource& disk, std::uint64_t unit) {
    std::vector<UnitRun> runs;
    std::uint64_t next = 0;  // first unit that is not in a run yet
    for (std::uint64_t offset = 0; offset < disk.virtual_size();) {
        const Extent extent = disk.extent_at(offset);
        const std::uint64_t end = offset + extent.length;
        if (extent.allocated) {
            const std::uint64_t first = std::max(next, offset / unit);
            const std::uint64_t last = (end - 1) / unit;
            if (last >= first) {
                if (!runs.empty() && first == next)
                    runs.back().count += last - first + 1;
                else
                    runs.push_back({first, last - first + 1});
                next = last + 1;
            }
        }
        offset = end;
    }
    return runs;
}

void read_padded(BlockSource& disk, std::uint64_t offset, std::span<std::byte> out) {
    const std::uint64_t size = disk.virtual_size();
    const std::uint64_t there = offset < size ? std::min<std::uint64_t>(out.size(), size - offset) : 0;
    if (there > 0) disk.read_at(offset, out.first(there));
    std::ranges::fill(out.subspan(there), std::byte{0});
}

}  // namespace formats
