// SPDX-License-Identifier: Apache-2.0
#pragma once
// A file that a writer makes, as bytes that can be had from any place without making those before it.
// A layout knows where everything stands: each byte is either a byte of a disk or made of the layout
// alone. Writers walk over the same pieces from the first to the last, so that a file and its ranges
// cannot differ. Reading changes nothing: any number of threads may read one output at once, if its
// disks' read_at() allows that.
#include <cstdint>
#include <span>

#include "formats/base/block_source.hpp"
#include "formats/base/endian.hpp"
#include "formats/stream/byte_sink.hpp"

namespace formats {

class RangedOutput {
public:
    virtual ~RangedOutput() = default;
    virtual std::uint64_t size() const = 0;

    // Fills all of `out`, or throws. REQUIRES: offset + out.size() <= size().
    void read_at(std::uint64_t offset, std::span<std::byte> out) const;

    // All of it, in order; does not finish the sink.
    void write(ByteSink& sink) const;

protected:
    // From the place that was asked for to the end of what is of its kind.
    struct Piece {
        std::uint64_t length = 0;
        BlockSource* disk = nullptr;    // none: made of the layout
        std::uint64_t disk_offset = 0;  // may reach behind the disk's end, where zeroes are
    };
    virtual Piece piece_at(std::uint64_t offset) const = 0;  // REQUIRES: offset < size()

    // REQUIRES: `out` lies in one piece without a disk.
    virtual void make(std::uint64_t offset, std::span<std::byte> out) const = 0;
};

// Bytes [offset, offset + out.size()) of something whose bytes are all there.
inline void copy_part(std::span<const std::byte> all, std::uint64_t offset, std::span<std::byte> out) {
    std::ranges::copy(all.subspan(offset, out.size()), out.begin());
}

// The same of a table, entry by entry: `next(index)` is asked for in rising order.
template <class Entry, class Next>
void make_entries(std::uint64_t offset, std::span<std::byte> out, Next next) {
    for (std::uint64_t index = offset / sizeof(Entry); !out.empty(); ++index) {
        const Entry entry = static_cast<typename Entry::value_type>(next(index));
        const std::uint64_t inside = offset - index * sizeof(Entry);
        const auto part = out.first(std::min<std::uint64_t>(out.size(), sizeof(Entry) - inside));
        copy_part(bytes_of(entry), inside, part);
        offset += part.size();
        out = out.subspan(part.size());
    }
}

}  // namespace formats
