// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where the blocks of a packed file are. Inside the room only: what packed_blocks.hpp is made of.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "formats/base/block_source.hpp"

namespace formats {

// One block: `size` bytes from `offset` on of what comes out, `packed` bytes from `place` on of the file.
struct PackedBlock {
    std::uint64_t number, offset, size, place, packed;
};

// Const calls are thread-safe if the file's are.
class PackedBlocks {
public:
    static constexpr std::uint64_t max_size = std::uint64_t{32} << 20, max_packed = max_size + (max_size >> 2);

    virtual ~PackedBlocks() = default;
    virtual PackedBlock block_at(std::uint64_t offset) const = 0;  // REQUIRES: offset < size()

    // Verified. Throws CorruptImage. REQUIRES: out.size() == block.size.
    virtual void unpack(const PackedBlock& block, std::span<std::byte> out) const = 0;

    std::uint64_t size() const { return size_; }  // of all that comes out
    std::uint64_t count() const { return count_; }
    std::uint64_t largest() const { return largest_; }
    bool can_be_held() const { return largest_ <= max_size && largest_packed_ <= max_packed; }

protected:
    void seen(std::uint64_t size, std::uint64_t packed) {
        largest_ = std::max(largest_, size);
        largest_packed_ = std::max(largest_packed_, packed);
        size_ += size;
        ++count_;
    }

private:
    std::uint64_t size_ = 0, largest_ = 1, largest_packed_ = 0, count_ = 0;
};

// Blocks that follow each other without gaps, each handed whole to a function that unpacks it.
class ListedBlocks : public PackedBlocks {
public:
    using Unpack = void (*)(std::span<const std::byte> packed, std::span<std::byte> out, std::uint64_t place);

    static constexpr std::uint64_t most = std::uint64_t{2} << 20;  // blocks, in 48 MiB of memory

    ListedBlocks(std::shared_ptr<BlockSource> file, Unpack unpack) : file_(std::move(file)), unpack_(unpack) {}

    // The next one. REQUIRES: size > 0: nobody would unpack it, and see whether that is true.
    void append(std::uint64_t size, std::uint32_t packed) {
        entries_.push_back({PackedBlocks::size(), end_, packed});
        seen(size, packed);
        end_ += packed;
    }
    std::uint64_t end() const { return end_; }  // in the file, of what was appended

    PackedBlock block_at(std::uint64_t offset) const override {
        const auto behind = std::ranges::upper_bound(entries_, offset, {}, &Entry::offset);
        const std::uint64_t stop = behind == entries_.end() ? size() : behind->offset;
        const auto number = static_cast<std::size_t>(behind - entries_.begin()) - 1;
        const Entry& entry = entries_[number];
        return {number, entry.offset, stop - entry.offset, entry.place, entry.packed};
    }
    void unpack(const PackedBlock& block, std::span<std::byte> out) const override {
        std::vector<std::byte> packed(block.packed);
        file_->read_at(block.place, packed);
        unpack_(packed, out, block.place);
    }

private:
    struct Entry {
        std::uint64_t offset, place;
        std::uint32_t packed;
    };
    std::shared_ptr<BlockSource> file_;
    Unpack unpack_;
    std::vector<Entry> entries_;
    std::uint64_t end_ = 0;
};

// None when nothing says where the blocks are. They throw CorruptImage for what contradicts itself, and when more
// than `limit` bytes would come out.
std::unique_ptr<PackedBlocks> index_of_xz(std::shared_ptr<BlockSource> file, std::uint64_t limit);
std::unique_ptr<PackedBlocks> index_of_gzip(std::shared_ptr<BlockSource> file, std::uint64_t limit);
std::unique_ptr<PackedBlocks> index_of_zstd(std::shared_ptr<BlockSource> file, std::uint64_t limit);

}  // namespace formats
