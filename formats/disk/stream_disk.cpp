// SPDX-License-Identifier: Apache-2.0
#include "formats/disk/stream_disk.hpp"

#include <algorithm>
#include <memory>
#include <optional>

#include "formats/base/file_place.hpp"

namespace formats {

void stream_disk(BlockSource& disk, std::uint64_t offset, std::uint64_t length, ByteSink& sink) {
    constexpr std::uint64_t piece = std::uint64_t{1} << 20;
    const std::uint64_t end = offset + length, there = std::min(end, disk.virtual_size());
    std::unique_ptr<std::byte[]> buffer;
    auto* const copies = dynamic_cast<TakesCopies*>(&sink);
    auto* const places = copies ? dynamic_cast<HasFilePlaces*>(&disk) : nullptr;
    while (offset < there) {
        const Extent extent = disk.extent_at(offset);
        const std::uint64_t stop = std::min(there, offset + extent.length);
        if (!extent.allocated) {
            sink.write_zeroes(stop - offset);
            offset = stop;
            continue;
        }
        if (std::optional<FilePlace> place = places ? places->place_at(offset) : std::nullopt) {
            place->length = std::min(place->length, stop - offset);
            if (copies->copy_from(*place)) {
                offset += place->length;
                continue;
            }
        }
        if (!buffer) buffer = std::make_unique_for_overwrite<std::byte[]>(std::min(piece, length));
        while (offset < stop) {
            const std::span part(buffer.get(), std::min(piece, stop - offset));
            disk.read_at(offset, part);
            sink.write(part);
            offset += part.size();
        }
    }
    if (offset < end) sink.write_zeroes(end - offset);
}

}  // namespace formats
