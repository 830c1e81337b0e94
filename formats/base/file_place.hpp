// SPDX-License-Identifier: Apache-2.0
#pragma once
// Two abilities that let data go from file to file on several threads, past the pipeline's own buffers:
// a disk that can say where in an open file its bytes lie as they are, and a sink that can fetch them there.
#include <cstdint>
#include <optional>

#include "formats/base/block_source.hpp"
#include "formats/base/file.hpp"

namespace formats {

struct FilePlace {
    const File* file;
    std::uint64_t offset, length;  // length: as far as the bytes of disk and file run side by side
};

class HasFilePlaces {
public:
    virtual ~HasFilePlaces() = default;
    // None for bytes that can only be had by read_at(): packed, checked, in memory.
    // REQUIRES: offset lies in an allocated extent.
    virtual std::optional<FilePlace> place_at(std::uint64_t offset) = 0;
};

class TakesCopies {
public:
    virtual ~TakesCopies() = default;
    // Like write() of these bytes of the file, but perhaps later: the file stays open and unchanged until
    // finish(), or until this sink is destroyed. False when this sink cannot, and nothing was taken.
    virtual bool copy_from(const FilePlace& place) = 0;
};

// For views: the place in the disk behind them.
inline std::optional<FilePlace> place_in(BlockSource& disk, std::uint64_t offset) {
    auto* places = dynamic_cast<HasFilePlaces*>(&disk);
    return places ? places->place_at(offset) : std::nullopt;
}

}  // namespace formats
