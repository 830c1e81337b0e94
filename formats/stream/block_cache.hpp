// SPDX-License-Identifier: Apache-2.0
#pragma once
// Unpacked blocks of packed files, shared by all who read them: a block that many want is unpacked once,
// and all blocks together never take more than the limit. When more places are read at once than there
// is room for, readers take turns: a block stays until nobody has asked for it for a moment, so that it
// is read to its end before another takes its room, instead of being unpacked again for every read.
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>

namespace formats {

// What a read throws when its block is being unpacked by another or there is no room for it yet: ask
// again in a moment. So no thread waits for another, and few threads serve any number of readers.
class NotYet : public std::exception {
public:
    const char* what() const noexcept override { return "the block is not unpacked yet"; }
};

class BlockCache {
public:
    explicit BlockCache(std::uint64_t limit);  // bytes

    struct Key {
        std::uint64_t file, block;
        auto operator<=>(const Key&) const = default;
    };
    using Unpack = std::function<void(std::span<std::byte> block)>;

    std::uint64_t new_file();         // a number for keys
    void forget(std::uint64_t file);  // REQUIRES: nobody reads it
    std::uint64_t limit() const { return limit_; }
    std::uint64_t unpacked() const;  // how many times a block was unpacked

    // Bytes of a block of `size`, from `offset` in it. REQUIRES: size <= limit(). Throws NotYet, and what
    // `unpack` throws. Thread-safe.
    void read(const Key& key, std::uint64_t size, std::uint64_t offset, std::span<std::byte> out, const Unpack& unpack);

private:
    using Clock = std::chrono::steady_clock;
    struct Block {
        std::uint64_t size;
        std::shared_ptr<std::byte[]> bytes;  // none while it is being unpacked
        Clock::time_point used;
    };
    std::shared_ptr<std::byte[]> unpack_now(const Key& key, std::uint64_t size, const Unpack& unpack);
    bool make_room(std::uint64_t size);

    const std::uint64_t limit_;
    mutable std::mutex mutex_;
    std::map<Key, Block> blocks_;
    std::uint64_t held_ = 0, files_ = 0, unpacked_ = 0;
    unsigned unpacking_ = 0;
};

}  // namespace formats
