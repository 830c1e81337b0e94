// SPDX-License-Identifier: Apache-2.0
#include "formats/stream/block_cache.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "formats/base/workers.hpp"

namespace formats {
namespace {

using namespace std::chrono_literals;
constexpr auto turn = 250ms;  // without a question, until another may have a block's room

// Each takes as much memory again for the packed block and the decoder, and a processor.
unsigned most_unpacking() {
    return std::min(3U, Workers::processors());
}

}  // namespace

BlockCache::BlockCache(std::uint64_t limit) : limit_(limit) {}

std::uint64_t BlockCache::new_file() {
    const std::lock_guard lock(mutex_);
    return ++files_;
}

void BlockCache::forget(std::uint64_t file) {
    const std::lock_guard lock(mutex_);
    std::erase_if(blocks_, [&](const auto& entry) {
        if (entry.first.file != file) return false;
        held_ -= entry.second.size;
        return true;
    });
}

std::uint64_t BlockCache::unpacked() const {
    const std::lock_guard lock(mutex_);
    return unpacked_;
}

void BlockCache::read(const Key& key, std::uint64_t size, std::uint64_t offset, std::span<std::byte> out,
                      const Unpack& unpack) {
    assert(size <= limit_ && offset <= size && out.size() <= size - offset);
    std::shared_ptr<std::byte[]> bytes;
    {
        const std::lock_guard lock(mutex_);
        if (const auto found = blocks_.find(key); found != blocks_.end()) {
            if (!found->second.bytes) throw NotYet();
            found->second.used = Clock::now();
            bytes = found->second.bytes;
        } else {
            if (unpacking_ == most_unpacking() || !make_room(size)) throw NotYet();
            blocks_.emplace(key, Block{size, nullptr, {}});
            held_ += size;
            ++unpacking_;
        }
    }
    if (!bytes) bytes = unpack_now(key, size, unpack);
    std::memcpy(out.data(), bytes.get() + offset, out.size());
}

std::shared_ptr<std::byte[]> BlockCache::unpack_now(const Key& key, std::uint64_t size, const Unpack& unpack) {
    std::shared_ptr<std::byte[]> bytes;
    std::exception_ptr failure;
    try {
        bytes = std::shared_ptr<std::byte[]>(std::make_unique_for_overwrite<std::byte[]>(size));
        unpack({bytes.get(), size});
    } catch (...) {
        failure = std::current_exception();
    }
    const std::lock_guard lock(mutex_);
    --unpacking_;
    ++unpacked_;
    if (failure) {
        blocks_.erase(key);
        held_ -= size;
        std::rethrow_exception(failure);
    }
    Block& block = blocks_.at(key);
    block.bytes = bytes;
    block.used = Clock::now();
    return bytes;
}

// Drops those that nobody has asked for the longest.
bool BlockCache::make_room(std::uint64_t size) {
    const auto before = Clock::now() - turn;
    while (held_ + size > limit_) {
        auto oldest = blocks_.end();
        for (auto block = blocks_.begin(); block != blocks_.end(); ++block) {
            const bool free = block->second.bytes.use_count() == 1 && block->second.used < before;
            if (free && (oldest == blocks_.end() || block->second.used < oldest->second.used)) oldest = block;
        }
        if (oldest == blocks_.end()) return false;
        held_ -= oldest->second.size;
        blocks_.erase(oldest);
    }
    return true;
}

}  // namespace formats
