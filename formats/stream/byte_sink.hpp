// SPDX-License-Identifier: Apache-2.0
#pragma once
// The byte plane. A ByteSink takes bytes in order, once. Sinks are wired as local variables, each
// holding a reference to the next; none owns what lies downstream.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace formats {

class ByteSink {
public:
    virtual ~ByteSink() = default;

    // Takes all of `bytes`, or throws. May block while the other side is slow.
    virtual void write(std::span<const std::byte> bytes) = 0;

    // `count` zero bytes. A sink that can leave a hole does; the others write them.
    virtual void write_zeroes(std::uint64_t count) {
        static constexpr std::array<std::byte, 65536> zeroes{};
        for (; count > 0; count -= std::min<std::uint64_t>(count, zeroes.size()))
            write(std::span(zeroes).first(std::min<std::uint64_t>(count, zeroes.size())));
    }

    // Exactly once, on success: flushes, and finishes the next sink. Destructors never flush, so
    // a sink that is thrown through leaves nothing that looks complete.
    virtual void finish() = 0;
};

// Where bytes come from, in order, once.
class ByteSource {
public:
    virtual ~ByteSource() = default;

    // Reads up to out.size() bytes, at least one unless the end is reached; 0 means the end.
    virtual std::size_t read(std::span<std::byte> out) = 0;

    // Passes over up to `count` bytes without looking at them; returns how many there were.
    virtual std::uint64_t skip(std::uint64_t count) {
        std::array<std::byte, 65536> ignored;
        std::uint64_t skipped = 0;
        while (skipped < count) {
            const std::size_t got =
                read(std::span(ignored).first(std::min<std::uint64_t>(count - skipped, ignored.size())));
            if (got == 0) break;
            skipped += got;
        }
        return skipped;
    }
};

// Reads until `out` is full or the end is reached; returns how many bytes there were.
inline std::size_t read_full(ByteSource& from, std::span<std::byte> out) {
    std::size_t have = 0;
    while (have < out.size()) {
        const std::size_t got = from.read(out.subspan(have));
        if (got == 0) break;
        have += got;
    }
    return have;
}

}  // namespace formats
