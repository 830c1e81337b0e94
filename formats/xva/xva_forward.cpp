// SPDX-License-Identifier: Apache-2.0
#include "formats/xva/xva_forward.hpp"

#include <algorithm>
#include <stdexcept>

#include "formats/base/errors.hpp"
#include "formats/xva/xva_archive.hpp"

namespace formats::xva {
namespace {

struct Stream {
    explicit Stream(std::unique_ptr<ByteSource> source) : from(std::move(source)), chunks(*from) {}
    std::unique_ptr<ByteSource> from;
    VerifiedChunks chunks;
    const Chunk* chunk = nullptr;  // the last one that was taken
    Chunk last;
};

class ForwardDisk : public BlockSource {
public:
    ForwardDisk(std::shared_ptr<Stream> stream, std::size_t number, std::uint64_t size)
        : stream_(std::move(stream)), number_(number), size_(size) {}

    std::uint64_t virtual_size() const override { return size_; }

    Extent extent_at(std::uint64_t offset) override {
        const Chunk& chunk = chunk_behind(offset);
        if (chunk.offset > offset) return {offset, chunk.offset - offset, false};
        return {offset, chunk.offset + chunk.length - offset, true};
    }

    void read_at(std::uint64_t offset, std::span<std::byte> out) override {
        while (!out.empty()) {
            const Extent extent = extent_at(offset);
            const auto part = out.first(std::min<std::uint64_t>(out.size(), extent.length));
            if (extent.allocated)
                std::ranges::copy(std::span(stream_->chunk->data).subspan(offset - stream_->chunk->offset, part.size()),
                                  part.begin());
            else
                std::ranges::fill(part, std::byte{0});
            offset += part.size();
            out = out.subspan(part.size());
        }
    }

private:
    // The first chunk that ends behind `offset`; there is one, because a disk ends with a chunk.
    const Chunk& chunk_behind(std::uint64_t offset) {
        if (offset < asked_) throw std::logic_error("xva: a stream is read forward only");
        asked_ = offset;
        const auto ends_behind = [&] {
            const Chunk* chunk = stream_->chunk;
            return chunk && chunk->disk == number_ && chunk->offset + chunk->length > offset;
        };
        while (!ends_behind()) {
            stream_->chunk = stream_->chunks.next();
            if (!stream_->chunk || stream_->chunk->disk > number_)
                throw std::logic_error("xva: a stream is read forward only");
            if (stream_->chunk->disk == number_ && stream_->chunk->offset + stream_->chunk->length == size_)
                see_the_end();
        }
        return *stream_->chunk;
    }

    void see_the_end() {
        stream_->last = *stream_->chunk;
        while (stream_->chunks.next()) {
        }
        stream_->chunk = &stream_->last;
    }

    std::shared_ptr<Stream> stream_;
    std::size_t number_;
    std::uint64_t size_, asked_ = 0;
};

}  // namespace

XvaImage open_xva_forward(std::unique_ptr<ByteSource> from) {
    const auto stream = std::make_shared<Stream>(std::move(from));
    const OvaContent& content = stream->chunks.archive().content();
    XvaImage image;
    image.hardware = content.hardware;
    for (const DiskRecord& disk : content.disks) {
        if (disk.virtual_size == 0) throw CorruptImage("xva: " + disk.reference + " has a virtual_size of 0");
        image.disks.push_back(std::make_unique<ForwardDisk>(stream, image.disks.size(), disk.virtual_size));
        image.references.push_back(disk.reference);
    }
    if (image.disks.empty()) throw RefusedImage("xva: the archive has no disk");
    return image;
}

}  // namespace formats::xva
