// SPDX-License-Identifier: Apache-2.0
#include "formats/stream/packed_blocks.hpp"

#include <algorithm>
#include <future>
#include <span>
#include <thread>
#include <vector>

#include "formats/stream/block_index.hpp"

namespace formats {
namespace {

std::unique_ptr<PackedBlocks> index_of(Compression packing, std::shared_ptr<BlockSource> file, std::uint64_t limit) {
    switch (packing) {
        case Compression::xz:
            return index_of_xz(std::move(file), limit);
        case Compression::gzip:
            return index_of_gzip(std::move(file), limit);
        case Compression::zstd:
            return index_of_zstd(std::move(file), limit);
        case Compression::none:
            break;
    }
    return nullptr;
}

// For one reader: keeps the blocks it read last, and unpacks several at a time when they are read in order.
class OwnBlocks : public BlockSource {
public:
    explicit OwnBlocks(std::unique_ptr<PackedBlocks> file) : file_(std::move(file)) {}

    std::uint64_t virtual_size() const override { return file_->size(); }
    Extent extent_at(std::uint64_t offset) override { return {offset, file_->size() - offset, true}; }

    void read_at(std::uint64_t offset, std::span<std::byte> out) override {
        while (!out.empty()) {
            const Held& held = block_with(offset);
            const std::uint64_t inside = offset - held.start;
            const std::size_t count = std::min<std::uint64_t>(out.size(), held.bytes.size() - inside);
            std::copy_n(held.bytes.begin() + static_cast<std::ptrdiff_t>(inside), count, out.begin());
            offset += count;
            out = out.subspan(count);
        }
    }

private:
    struct Held {
        std::uint64_t start = 0;
        std::vector<std::byte> bytes;
        bool holds(std::uint64_t offset) const { return offset >= start && offset - start < bytes.size(); }
    };

    const Held& block_with(std::uint64_t offset) {
        for (const Held& held : held_)
            if (held.holds(offset)) return held;
        const bool in_order = !held_.empty() && offset == held_.back().start + held_.back().bytes.size();
        const std::uint64_t fit = std::max<std::uint64_t>(1, 2 * PackedBlocks::max_size / file_->largest());
        const std::size_t count =
            in_order ? std::min<std::uint64_t>({fit, std::max(1U, std::thread::hardware_concurrency()), 4}) : 1;
        std::vector<std::future<Held>> parts;
        held_.clear();
        for (std::size_t i = 0; i < count && offset < file_->size(); ++i) {
            const PackedBlock block = file_->block_at(offset);
            parts.push_back(std::async(std::launch::async, [this, block] { return unpack(block); }));
            offset = block.offset + block.size;
        }
        for (std::future<Held>& part : parts) held_.push_back(part.get());
        return held_.front();
    }

    Held unpack(const PackedBlock& block) const {
        Held held{block.offset, std::vector<std::byte>(block.size)};
        file_->unpack(block, held.bytes);
        return held;
    }

    std::unique_ptr<PackedBlocks> file_;
    std::vector<Held> held_;
};

// For many readers: nothing is kept but in the cache.
class SharedBlocks : public BlockSource {
public:
    SharedBlocks(std::unique_ptr<PackedBlocks> file, std::shared_ptr<BlockCache> cache)
        : file_(std::move(file)), cache_(std::move(cache)), number_(cache_->new_file()) {}
    SharedBlocks(const SharedBlocks&) = delete;
    ~SharedBlocks() override { cache_->forget(number_); }

    std::uint64_t virtual_size() const override { return file_->size(); }
    Extent extent_at(std::uint64_t offset) override { return {offset, file_->size() - offset, true}; }

    void read_at(std::uint64_t offset, std::span<std::byte> out) override {
        while (!out.empty()) {
            const PackedBlock block = file_->block_at(offset);
            const std::uint64_t inside = offset - block.offset;
            const auto part = out.first(std::min<std::uint64_t>(out.size(), block.size - inside));
            cache_->read({number_, block.number}, block.size, inside, part,
                         [&](std::span<std::byte> bytes) { file_->unpack(block, bytes); });
            offset += part.size();
            out = out.subspan(part.size());
        }
    }

private:
    std::unique_ptr<PackedBlocks> file_;
    std::shared_ptr<BlockCache> cache_;
    std::uint64_t number_;
};

}  // namespace

std::shared_ptr<BlockSource> open_blocks(Compression packing, std::shared_ptr<BlockSource> file, std::uint64_t limit) {
    auto blocks = index_of(packing, std::move(file), limit);
    if (!blocks || blocks->count() < 2 || !blocks->can_be_held()) return nullptr;
    return std::make_shared<OwnBlocks>(std::move(blocks));
}

std::shared_ptr<BlockSource> open_blocks(Compression packing, std::shared_ptr<BlockSource> file,
                                         std::shared_ptr<BlockCache> cache, std::uint64_t limit) {
    auto blocks = index_of(packing, std::move(file), limit);
    if (!blocks || !blocks->can_be_held() || blocks->largest() > cache->limit()) return nullptr;
    return std::make_shared<SharedBlocks>(std::move(blocks), std::move(cache));
}

}  // namespace formats
