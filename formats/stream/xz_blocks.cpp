// SPDX-License-Identifier: Apache-2.0
#include "formats/stream/xz_blocks.hpp"

#include <lzma.h>

#include <algorithm>
#include <array>
#include <future>
#include <new>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "formats/base/errors.hpp"
#include "formats/base/handle.hpp"

namespace formats {
namespace {

constexpr std::uint64_t max_block = std::uint64_t{32} << 20;
constexpr std::uint64_t index_memory = std::uint64_t{64} << 20, filter_memory = std::uint64_t{256} << 20;

struct Index {
    Index() = default;
    Index(const Index&) = delete;
    ~Index() { lzma_index_end(index, nullptr); }
    lzma_index* index = nullptr;
};

// Reads headers, footers and indexes of all streams of the file.
void read_index(BlockSource& file, Index& index) {
    lzma_stream stream = LZMA_STREAM_INIT;
    const std::uint64_t size = file.virtual_size();
    if (lzma_file_info_decoder(&stream, &index.index, index_memory, size) != LZMA_OK) throw std::bad_alloc();
    const Handle<lzma_stream, lzma_end> ending(&stream);
    std::array<std::byte, 8192> buffer;
    std::uint64_t position = 0;
    for (;;) {
        if (stream.avail_in == 0) {
            const std::size_t count = std::min<std::uint64_t>(buffer.size(), size - position);
            file.read_at(position, std::span(buffer).first(count));
            position += count;
            stream.next_in = reinterpret_cast<const std::uint8_t*>(buffer.data());
            stream.avail_in = count;
        }
        switch (const lzma_ret result = lzma_code(&stream, LZMA_RUN)) {
            case LZMA_OK:
                break;
            case LZMA_SEEK_NEEDED:
                position = stream.seek_pos;
                stream.avail_in = 0;
                break;
            case LZMA_STREAM_END:
                return;
            case LZMA_MEMLIMIT_ERROR:
                throw RefusedImage("xz: the index would take more than 64 MiB of memory");
            case LZMA_MEM_ERROR:
                throw std::bad_alloc();
            default:
                throw CorruptImage("xz: the index at the end of the file is damaged or cut short (error " +
                                   std::to_string(result) + ")");
        }
    }
}

// The file with its index; any number of threads may unpack blocks of it.
class XzFile {
public:
    XzFile(std::shared_ptr<BlockSource> file, std::uint64_t limit) : file_(std::move(file)) {
        read_index(*file_, index_);
        size_ = lzma_index_uncompressed_size(index_.index);
        if (size_ > limit)
            throw CorruptImage("xz: unpacks to more than the limit of " + std::to_string(limit) + " bytes");
        lzma_index_iter iterator;
        lzma_index_iter_init(&iterator, index_.index);
        while (!lzma_index_iter_next(&iterator, LZMA_INDEX_ITER_NONEMPTY_BLOCK)) {
            largest_ = std::max<std::uint64_t>(largest_, iterator.block.uncompressed_size);
            largest_packed_ = std::max<std::uint64_t>(largest_packed_, iterator.block.total_size);
            ++blocks_;
        }
    }
    std::uint64_t size() const { return size_; }
    std::uint64_t blocks() const { return blocks_; }
    std::uint64_t largest() const { return largest_; }
    bool blocks_can_be_held() const { return largest_ <= max_block && largest_packed_ <= max_block + (max_block >> 2); }

    lzma_index_iter locate(std::uint64_t offset) const {
        lzma_index_iter iterator;
        lzma_index_iter_init(&iterator, index_.index);
        if (lzma_index_iter_locate(&iterator, offset)) throw std::logic_error("xz: read behind the end");
        return iterator;
    }

    // REQUIRES: out.size() == place.block.uncompressed_size.
    void unpack(const lzma_index_iter& place, std::span<std::byte> out) const {
        const std::string where = " in the block at byte " + std::to_string(place.block.compressed_file_offset);
        std::vector<std::byte> packed(place.block.total_size);
        file_->read_at(place.block.compressed_file_offset, packed);
        const auto* in = reinterpret_cast<const std::uint8_t*>(packed.data());
        std::array<lzma_filter, LZMA_FILTERS_MAX + 1> filters{};
        lzma_block block{};
        block.version = 1;
        block.check = place.stream.flags->check;
        block.filters = filters.data();
        if (in[0] == 0) throw CorruptImage("xz: no block header" + where);
        block.header_size = lzma_block_header_size_decode(in[0]);
        if (block.header_size > packed.size() || lzma_block_header_decode(&block, nullptr, in) != LZMA_OK)
            throw CorruptImage("xz: damaged block header" + where);
        const Handle<lzma_filter, free_filters> ending(filters.data());
        if (lzma_block_compressed_size(&block, place.block.unpadded_size) != LZMA_OK)
            throw CorruptImage("xz: the block's size contradicts the index" + where);
        if (lzma_raw_decoder_memusage(filters.data()) > filter_memory)
            throw RefusedImage("xz: unpacking would take more than 256 MiB of memory" + where);
        std::size_t in_position = block.header_size, out_position = 0;
        const lzma_ret result =
            lzma_block_buffer_decode(&block, nullptr, in, &in_position, packed.size(),
                                     reinterpret_cast<std::uint8_t*>(out.data()), &out_position, out.size());
        if (result != LZMA_OK || out_position != out.size()) throw CorruptImage("xz: data is corrupt" + where);
    }

private:
    static void free_filters(lzma_filter* filters) { lzma_filters_free(filters, nullptr); }

    std::shared_ptr<BlockSource> file_;
    Index index_;
    std::uint64_t size_ = 0, largest_ = 1, largest_packed_ = 0, blocks_ = 0;
};

// For one reader: keeps the blocks it read last, and unpacks several at a time when they are read in order.
class XzBlocks : public BlockSource {
public:
    XzBlocks(std::shared_ptr<BlockSource> file, std::uint64_t limit) : file_(std::move(file), limit) {}
    bool can_be_read_anywhere() const { return file_.blocks() > 1 && file_.blocks_can_be_held(); }

    std::uint64_t virtual_size() const override { return file_.size(); }
    Extent extent_at(std::uint64_t offset) override { return {offset, file_.size() - offset, true}; }

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
        const std::uint64_t fit = std::max<std::uint64_t>(1, 2 * max_block / file_.largest());
        const std::size_t count =
            in_order ? std::min<std::uint64_t>({fit, std::max(1U, std::thread::hardware_concurrency()), 4}) : 1;
        lzma_index_iter iterator = file_.locate(offset);
        std::vector<std::future<Held>> parts;
        held_.clear();
        for (std::size_t i = 0; i < count; ++i) {
            parts.push_back(std::async(std::launch::async, [this, here = iterator] { return unpack(here); }));
            if (lzma_index_iter_next(&iterator, LZMA_INDEX_ITER_NONEMPTY_BLOCK)) break;
        }
        for (std::future<Held>& part : parts) held_.push_back(part.get());
        return held_.front();
    }

    Held unpack(const lzma_index_iter& place) const {
        Held held{place.block.uncompressed_file_offset, std::vector<std::byte>(place.block.uncompressed_size)};
        file_.unpack(place, held.bytes);
        return held;
    }

    XzFile file_;
    std::vector<Held> held_;
};

// For many readers: nothing is kept but in the cache.
class SharedXzBlocks : public BlockSource {
public:
    SharedXzBlocks(std::shared_ptr<BlockSource> file, std::shared_ptr<BlockCache> cache, std::uint64_t limit)
        : file_(std::move(file), limit), cache_(std::move(cache)), number_(cache_->new_file()) {}
    SharedXzBlocks(const SharedXzBlocks&) = delete;
    ~SharedXzBlocks() override { cache_->forget(number_); }
    bool can_be_read_anywhere() const { return file_.blocks_can_be_held() && file_.largest() <= cache_->limit(); }

    std::uint64_t virtual_size() const override { return file_.size(); }
    Extent extent_at(std::uint64_t offset) override { return {offset, file_.size() - offset, true}; }

    void read_at(std::uint64_t offset, std::span<std::byte> out) override {
        while (!out.empty()) {
            const lzma_index_iter place = file_.locate(offset);
            const std::uint64_t inside = offset - place.block.uncompressed_file_offset;
            const std::uint64_t size = place.block.uncompressed_size;
            const auto part = out.first(std::min<std::uint64_t>(out.size(), size - inside));
            cache_->read({number_, place.block.number_in_file}, size, inside, part,
                         [&](std::span<std::byte> block) { file_.unpack(place, block); });
            offset += part.size();
            out = out.subspan(part.size());
        }
    }

private:
    XzFile file_;
    std::shared_ptr<BlockCache> cache_;
    std::uint64_t number_;
};

}  // namespace

std::shared_ptr<BlockSource> open_xz_blocks(std::shared_ptr<BlockSource> file, std::uint64_t limit) {
    auto blocks = std::make_shared<XzBlocks>(std::move(file), limit);
    if (!blocks->can_be_read_anywhere()) return nullptr;
    return blocks;
}

std::shared_ptr<BlockSource> open_xz_blocks(std::shared_ptr<BlockSource> file, std::shared_ptr<BlockCache> cache,
                                            std::uint64_t limit) {
    auto blocks = std::make_shared<SharedXzBlocks>(std::move(file), std::move(cache), limit);
    if (!blocks->can_be_read_anywhere()) return nullptr;
    return blocks;
}

}  // namespace formats
