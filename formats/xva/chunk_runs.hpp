// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where the chunks of one disk lie in an archive, in little memory: most follow each other on the disk
// and, at equal steps, in the archive. Inside the room only.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "formats/base/block_source.hpp"

namespace formats::xva {

// Chunks of equal length that follow each other so.
struct ChunkRun {
    std::uint64_t offset, place, length, step, count;
    std::uint64_t end() const { return offset + length * count; }
};

class ChunkRuns {
public:
    using Iterator = std::vector<ChunkRun>::const_iterator;

    // REQUIRES: behind all others on the disk.
    void append(std::uint64_t offset, std::uint64_t place, std::uint64_t length) {
        if (!runs_.empty()) {
            ChunkRun& last = runs_.back();
            const std::uint64_t step = place - (last.place + (last.count - 1) * last.step);
            if (last.length == length && last.end() == offset && (last.count == 1 || last.step == step)) {
                last.step = step;
                ++last.count;
                return;
            }
        }
        runs_.push_back({offset, place, length, 0, 1});
    }

    // The first run that ends behind `offset`.
    Iterator behind(std::uint64_t offset) const {
        return std::ranges::upper_bound(runs_, offset, {}, [](const ChunkRun& run) { return run.end(); });
    }
    Iterator begin() const { return runs_.begin(); }
    Iterator end() const { return runs_.end(); }
    std::size_t size() const { return runs_.size(); }
    const ChunkRun& operator[](std::size_t index) const { return runs_[index]; }

    Extent extent_at(std::uint64_t offset, std::uint64_t disk_size) const {
        Iterator run = behind(offset);
        if (run == end() || run->offset > offset)
            return {offset, (run == end() ? disk_size : run->offset) - offset, false};
        std::uint64_t stop = run->end();
        for (++run; run != end() && run->offset == stop; ++run) stop = run->end();
        return {offset, stop - offset, true};
    }

    // Fills `out` from that place of the disk on: zeroes where no chunk is, and where one is,
    // read(run, chunk of the run, first byte in the chunk, part of `out`).
    template <class Read>
    void read_at(std::uint64_t offset, std::span<std::byte> out, Read read) const {
        while (!out.empty()) {
            const Iterator run = behind(offset);
            std::uint64_t count = out.size();
            if (run == end() || run->offset > offset) {
                if (run != end()) count = std::min(count, run->offset - offset);
                std::ranges::fill(out.first(count), std::byte{0});
            } else {
                const std::uint64_t inside = (offset - run->offset) % run->length;
                count = std::min(count, run->length - inside);
                read(static_cast<std::size_t>(run - begin()), (offset - run->offset) / run->length, inside,
                     out.first(count));
            }
            offset += count;
            out = out.subspan(count);
        }
    }

private:
    std::vector<ChunkRun> runs_;
};

}  // namespace formats::xva
