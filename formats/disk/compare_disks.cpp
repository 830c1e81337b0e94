// SPDX-License-Identifier: Apache-2.0
#include "formats/disk/compare_disks.hpp"

#include <algorithm>
#include <vector>

#include "formats/disk/views.hpp"

namespace formats {
namespace {

Extent extent_or_end(BlockSource& disk, std::uint64_t offset) {
    if (offset < disk.virtual_size()) return disk.extent_at(offset);
    return {offset, UINT64_MAX - offset, false};
}

}  // namespace

std::optional<std::uint64_t> first_difference(BlockSource& a, BlockSource& b) {
    constexpr std::uint64_t piece = std::uint64_t{1} << 20;
    std::vector<std::byte> left(piece), right(piece);
    const std::uint64_t size = std::max(a.virtual_size(), b.virtual_size());
    for (std::uint64_t offset = 0; offset < size;) {
        const Extent here = extent_or_end(a, offset), there = extent_or_end(b, offset);
        std::uint64_t length = std::min({here.length, there.length, size - offset});
        if (here.allocated || there.allocated) {
            length = std::min(length, piece);
            read_padded(a, offset, std::span(left).first(length));
            read_padded(b, offset, std::span(right).first(length));
            const auto end = left.begin() + static_cast<std::ptrdiff_t>(length);
            const auto differ = std::mismatch(left.begin(), end, right.begin());
            if (differ.first != end) return offset + static_cast<std::uint64_t>(differ.first - left.begin());
        }
        offset += length;
    }
    return std::nullopt;
}

}  // namespace formats
