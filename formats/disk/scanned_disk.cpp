// SPDX-License-Identifier: Apache-2.0
#include "formats/disk/scanned_disk.hpp"

#include <algorithm>

#include "formats/disk/zeroes.hpp"

namespace formats {
namespace {

constexpr std::uint64_t grain = 65536, piece = std::uint64_t{1} << 20;

}  // namespace

ScannedDisk::ScannedDisk(BlockSource& disk) : disk_(disk) {
    std::vector<std::byte> buffer(piece);
    const auto add = [&](std::uint64_t unit) {
        if (!runs_.empty() && runs_.back().first + runs_.back().count == unit)
            ++runs_.back().count;
        else
            runs_.push_back({unit, 1});
    };
    for (const UnitRun& run : allocated_units(disk, grain)) {
        for (std::uint64_t unit = run.first; unit < run.first + run.count; unit += piece / grain) {
            const std::uint64_t count = std::min(piece / grain, run.first + run.count - unit);
            read_padded(disk, unit * grain, std::span(buffer).first(count * grain));
            for (std::uint64_t i = 0; i < count; ++i)
                if (!all_zero(std::span(buffer).subspan(i * grain, grain))) add(unit + i);
        }
    }
}

Extent ScannedDisk::extent_at(std::uint64_t offset) {
    const std::uint64_t unit = offset / grain, size = virtual_size();
    const auto run = std::ranges::upper_bound(runs_, unit, {}, [](const UnitRun& r) { return r.first + r.count - 1; });
    const auto from = run != runs_.begin() && (run - 1)->first + (run - 1)->count > unit ? run - 1 : run;
    if (from == runs_.end()) return {offset, size - offset, false};
    if (from->first > unit) return {offset, std::min(size, from->first * grain) - offset, false};
    return {offset, std::min(size, (from->first + from->count) * grain) - offset, true};
}

std::uint64_t allocated_bytes(BlockSource& disk) {
    std::uint64_t bytes = 0;
    for (std::uint64_t offset = 0; offset < disk.virtual_size();) {
        const Extent extent = disk.extent_at(offset);
        if (extent.allocated) bytes += extent.length;
        offset += extent.length;
    }
    return bytes;
}

}  // namespace formats
