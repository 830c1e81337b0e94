// SPDX-License-Identifier: Apache-2.0
#include "formats/disk/ranged_output.hpp"

#include <algorithm>
#include <cassert>
#include <vector>

#include "formats/disk/stream_disk.hpp"
#include "formats/disk/views.hpp"

namespace formats {

void RangedOutput::read_at(std::uint64_t offset, std::span<std::byte> out) const {
    assert(offset <= size() && out.size() <= size() - offset);
    while (!out.empty()) {
        const Piece piece = piece_at(offset);
        const auto part = out.first(std::min<std::uint64_t>(out.size(), piece.length));
        if (piece.disk)
            read_padded(*piece.disk, piece.disk_offset, part);
        else
            make(offset, part);
        offset += part.size();
        out = out.subspan(part.size());
    }
}

void RangedOutput::write(ByteSink& sink) const {
    constexpr std::uint64_t most_at_once = std::uint64_t{1} << 18;
    std::vector<std::byte> buffer;
    for (std::uint64_t offset = 0; offset < size();) {
        const Piece piece = piece_at(offset);
        if (piece.disk) {
            stream_disk(*piece.disk, piece.disk_offset, piece.length, sink);
            offset += piece.length;
            continue;
        }
        buffer.resize(std::min(piece.length, most_at_once));
        make(offset, buffer);
        sink.write(buffer);
        offset += buffer.size();
    }
}

}  // namespace formats
