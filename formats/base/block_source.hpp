// SPDX-License-Identifier: Apache-2.0
#pragma once
// The disk plane. A virtual disk is a BlockSource: it has a size, can say which parts hold data,
// and can be read anywhere. Every reader of a disk format makes one, every writer takes one.
#include <cstddef>
#include <cstdint>
#include <span>

namespace formats {

// A run of bytes of a virtual disk. One that is not allocated reads as zeroes.
struct Extent {
    std::uint64_t offset;  // bytes from the start of the virtual disk
    std::uint64_t length;  // bytes, never 0
    bool allocated;
};

class BlockSource {
public:
    virtual ~BlockSource() = default;

    // Bytes.
    virtual std::uint64_t virtual_size() const = 0;

    // The extent that holds `offset`, from `offset` on. May be shorter than the longest run of
    // its kind. REQUIRES: offset < virtual_size().
    virtual Extent extent_at(std::uint64_t offset) = 0;

    // Fills all of `out` from `offset`, or throws.
    // REQUIRES: offset + out.size() <= virtual_size().
    virtual void read_at(std::uint64_t offset, std::span<std::byte> out) = 0;
};

}  // namespace formats
