// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <cstring>

#include "formats/base/checked.hpp"
#include "formats/vhd/vhd.hpp"
#include "formats/vhd/vhd_footer.hpp"

namespace formats::vhd {
namespace {

class DynamicDisk : public BlockSource, public HasFilePlaces {
public:
    DynamicDisk(std::shared_ptr<BlockSource> file, Image image) : file_(std::move(file)), image_(std::move(image)) {}

    std::uint64_t virtual_size() const override { return image_.virtual_size; }

    Extent extent_at(std::uint64_t offset) override {
        const std::uint64_t block = offset / image_.block_size;
        if (image_.bat[block] == free_block) {
            std::uint64_t next = block + 1;
            while (next < image_.bat.size() && image_.bat[next] == free_block) ++next;
            return {offset, std::min(next * image_.block_size, image_.virtual_size) - offset, false};
        }
        load_bitmap(block);
        const std::uint64_t first = offset % image_.block_size / sector, sectors = image_.block_size / sector;
        const bool allocated = bit(first);
        const std::uint64_t stop = block * image_.block_size + run_end(first, sectors, allocated) * sector;
        return {offset, std::min(stop, image_.virtual_size) - offset, allocated};
    }

    void read_at(std::uint64_t offset, std::span<std::byte> out) override {
        while (!out.empty()) {
            const Extent extent = extent_at(offset);
            const auto part = out.first(std::min<std::uint64_t>(out.size(), extent.length));
            if (extent.allocated)
                file_->read_at(place_of(offset), part);
            else
                std::ranges::fill(part, std::byte{0});
            offset += part.size();
            out = out.subspan(part.size());
        }
    }

    std::optional<FilePlace> place_at(std::uint64_t offset) override {
        const Extent extent = extent_at(offset);
        std::optional<FilePlace> place = place_in(*file_, place_of(offset));
        if (place) place->length = std::min(place->length, extent.length);
        return place;
    }

private:
    // In the file, of data. REQUIRES: the block is there.
    std::uint64_t place_of(std::uint64_t offset) const {
        return image_.data_offset_of(image_.bat[offset / image_.block_size]) + offset % image_.block_size;
    }

    // Bit 7 of the first byte is the first sector.
    bool bit(std::uint64_t index) const { return std::to_integer<unsigned>(bitmap_[index / 8]) >> (7 - index % 8) & 1; }

    std::uint64_t run_end(std::uint64_t index, std::uint64_t end, bool value) const {
        const std::byte whole{value ? std::uint8_t{0xff} : std::uint8_t{0}};
        while (index < end) {
            if (index % 8 == 0 && bitmap_[index / 8] == whole)
                index += 8;
            else if (bit(index) == value)
                ++index;
            else
                break;
        }
        return std::min(index, end);
    }

    void load_bitmap(std::uint64_t block) {
        if (bitmap_block_ == block) return;
        bitmap_block_ = UINT64_MAX;
        bitmap_.resize(bitmap_size(image_.block_size));
        file_->read_at(image_.bat[block] * sector, bitmap_);
        bitmap_block_ = block;
    }

    std::shared_ptr<BlockSource> file_;
    Image image_;
    std::vector<std::byte> bitmap_;
    std::uint64_t bitmap_block_ = UINT64_MAX;
};

}  // namespace

std::unique_ptr<BlockSource> open_vhd(std::shared_ptr<BlockSource> file, Facts* facts) {
    Image image = read_image(*file, facts);
    if (image.dynamic) return std::make_unique<DynamicDisk>(std::move(file), std::move(image));
    return std::make_unique<SlicedDisk>(std::move(file), 0, image.virtual_size);
}

}  // namespace formats::vhd
