// SPDX-License-Identifier: Apache-2.0
#pragma once
// One disk for several writers at once, each on a thread of its own: every part is read from the source
// once, kept until the slowest writer has had it, and nobody runs further ahead than the window. All
// writers of ours go over a disk in rising order; one that does not is still right, only slower.
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <vector>

#include "formats/base/block_source.hpp"

namespace formats {

// What a reader throws because of another's failure.
class Cancelled : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

class FanOut {
public:
    FanOut(BlockSource& disk, std::size_t readers);  // REQUIRES: the disk outlives it
    ~FanOut();

    BlockSource& reader(std::size_t index);
    void done(std::size_t index);  // it reads no more: nobody waits for it
    void cancel();                 // every read from now on throws Cancelled

private:
    class Reader;
    static constexpr std::uint64_t piece = std::uint64_t{256} << 10, window = 16 * piece;

    void read(std::size_t index, std::uint64_t offset, std::span<std::byte> out);
    std::uint64_t slowest() const;

    BlockSource& disk_;
    std::mutex mutex_;
    std::condition_variable moved_;
    std::vector<std::uint64_t> positions_;
    std::vector<std::unique_ptr<Reader>> readers_;
    std::map<std::uint64_t, std::vector<std::byte>> pieces_;
    bool cancelled_ = false;
};

// So many readers of the same disks, each on a thread of its own, which go over the disks in their order. Returns when
// all are done; throws what the first of them threw for a reason of its own.
void read_side_by_side(const std::vector<BlockSource*>& disks, std::size_t readers,
                       const std::function<void(std::size_t, const std::vector<BlockSource*>&)>& read);

}  // namespace formats
