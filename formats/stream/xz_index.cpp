// SPDX-License-Identifier: Apache-2.0
#include <lzma.h>

#include <array>
#include <new>
#include <span>
#include <string>
#include <vector>

#include "formats/base/errors.hpp"
#include "formats/base/handle.hpp"
#include "formats/stream/block_index.hpp"

namespace formats {
namespace {

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

class XzFile : public PackedBlocks {
public:
    XzFile(std::shared_ptr<BlockSource> file, std::uint64_t limit) : file_(std::move(file)) {
        read_index(*file_, index_);
        if (lzma_index_uncompressed_size(index_.index) > limit)
            throw CorruptImage("xz: unpacks to more than the limit of " + std::to_string(limit) + " bytes");
        lzma_index_iter iterator;
        lzma_index_iter_init(&iterator, index_.index);
        while (!lzma_index_iter_next(&iterator, LZMA_INDEX_ITER_NONEMPTY_BLOCK))
            seen(iterator.block.uncompressed_size, iterator.block.total_size);
    }

    PackedBlock block_at(std::uint64_t offset) const override {
        const lzma_index_iter place = locate(offset);
        const auto& block = place.block;
        return {block.number_in_file, block.uncompressed_file_offset, block.uncompressed_size,
                block.compressed_file_offset, block.total_size};
    }

    void unpack(const PackedBlock& wanted, std::span<std::byte> out) const override {
        const lzma_index_iter place = locate(wanted.offset);
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

    lzma_index_iter locate(std::uint64_t offset) const {
        lzma_index_iter iterator;
        lzma_index_iter_init(&iterator, index_.index);
        if (lzma_index_iter_locate(&iterator, offset)) throw std::logic_error("xz: read past the end");
        return iterator;
    }

    std::shared_ptr<BlockSource> file_;
    Index index_;
};

}  // namespace

std::unique_ptr<PackedBlocks> index_of_xz(std::shared_ptr<BlockSource> file, std::uint64_t limit) {
    return std::make_unique<XzFile>(std::move(file), limit);
}

}  // namespace formats
