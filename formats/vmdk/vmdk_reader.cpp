// SPDX-License-Identifier: Apache-2.0
#include <zlib.h>

#include <algorithm>
#include <new>
#include <string>
#include <vector>

#include "formats/base/checked.hpp"
#include "formats/base/errors.hpp"
#include "formats/vmdk/vmdk.hpp"
#include "formats/vmdk/vmdk_header.hpp"

namespace formats::vmdk {
namespace {

struct GrainMarker {
    le64 first_sector;  // on the disk
    le32 size;          // bytes of the packed grain
};
static_assert(sizeof(GrainMarker) == 12 && alignof(GrainMarker) == 1);

class VmdkDisk : public BlockSource {
public:
    VmdkDisk(std::shared_ptr<BlockSource> file, Facts* facts)
        : file_(std::move(file)), image_(read_header(*file_, facts)) {
        directory_.resize(divide_up(image_.virtual_size, image_.table_span()));
        file_->read_at(image_.directory_offset, std::as_writable_bytes(std::span(directory_)));
        verify();
        if (facts) facts->feature("allocated grains", std::to_string(grains_));
    }

    std::uint64_t virtual_size() const override { return image_.virtual_size; }

    Extent extent_at(std::uint64_t offset) override {
        const std::uint64_t index = offset / image_.table_span();
        const std::uint64_t end = std::min((index + 1) * image_.table_span(), image_.virtual_size);
        const bool allocated = grain_at(offset) != 0;
        std::uint64_t stop = (offset / image_.grain_size + 1) * image_.grain_size;
        while (stop < end && (grain_at(stop) != 0) == allocated) stop += image_.grain_size;
        return {offset, std::min(stop, end) - offset, allocated};
    }

    void read_at(std::uint64_t offset, std::span<std::byte> out) override {
        while (!out.empty()) {
            const std::uint64_t inside = offset % image_.grain_size, grain = grain_at(offset);
            const auto part = out.first(std::min<std::uint64_t>(out.size(), image_.grain_size - inside));
            if (grain == 0) {
                std::ranges::fill(part, std::byte{0});
            } else if (!image_.compressed) {
                file_->read_at(grain + inside, part);
            } else {
                unpack(grain, offset - inside);
                std::ranges::copy(std::span(unpacked_).subspan(inside, part.size()), part.begin());
            }
            offset += part.size();
            out = out.subspan(part.size());
        }
    }

private:
    // Bytes from the start of the file; 0 for a grain that is not there or all zero.
    std::uint64_t grain_at(std::uint64_t offset) {
        const std::uint64_t index = offset / image_.table_span();
        if (directory_[index] == 0) return 0;
        load_table(index);
        const std::uint32_t entry = table_[offset % image_.table_span() / image_.grain_size];
        return entry == 1 && image_.zero_grains ? 0 : entry * sector;
    }

    void load_table(std::uint64_t index) {
        if (table_index_ == index) return;
        table_index_ = UINT64_MAX;
        table_.resize(image_.table_entries);
        file_->read_at(directory_[index] * sector, std::as_writable_bytes(std::span(table_)));
        table_index_ = index;
    }

    void verify() {
        const std::uint64_t places = divide_up(image_.file_size, image_.grain_size);
        std::vector<bool> taken(image_.compressed ? 0 : places + 1);
        std::uint64_t phase = UINT64_MAX;  // of all grains' offsets, so that none can overlap another
        for (std::uint64_t i = 0; i < directory_.size(); ++i) {
            if (directory_[i] == 0) continue;
            check_range(directory_[i] * sector, image_.table_entries * 4, image_.file_size,
                        "vmdk: grain directory entry " + std::to_string(i) + ": the grain table");
            load_table(i);
            for (std::uint64_t k = 0; k < table_.size(); ++k) {
                const std::uint64_t offset = i * image_.table_span() + k * image_.grain_size;
                const std::uint64_t grain = offset < image_.virtual_size ? grain_at(offset) : 0;
                if (grain == 0) continue;
                const std::string what = "vmdk: grain table " + std::to_string(i) + " entry " + std::to_string(k);
                check_range(grain, image_.compressed ? sizeof(GrainMarker) : image_.grain_size, image_.file_size,
                            what + ": the grain");
                ++grains_;
                if (image_.compressed) continue;  // there the grain's own marker says whose it is
                if (phase == UINT64_MAX) phase = grain % image_.grain_size;
                if (grain % image_.grain_size != phase)
                    throw CorruptImage(what + " points to byte " + std::to_string(grain) +
                                       ", out of step with the other grains");
                if (taken[grain / image_.grain_size])
                    throw CorruptImage(what + " points to byte " + std::to_string(grain) + ", which is in use already");
                taken[grain / image_.grain_size] = true;
            }
        }
    }

    void unpack(std::uint64_t place, std::uint64_t offset) {
        if (unpacked_at_ == offset) return;
        unpacked_at_ = UINT64_MAX;
        GrainMarker marker{};
        file_->read_at(place, writable_bytes_of(marker));
        const std::string what = "vmdk: the grain at byte " + std::to_string(place);
        if (marker.first_sector * sector != offset)
            throw CorruptImage(what + " belongs to sector " + std::to_string(marker.first_sector) +
                               ", the table says " + std::to_string(offset / sector));
        if (marker.size > 2 * image_.grain_size)
            throw CorruptImage(what + " has " + std::to_string(marker.size) + " packed bytes; the grain itself has " +
                               std::to_string(image_.grain_size));
        check_range(place + sizeof marker, marker.size, image_.file_size, what);
        packed_.resize(marker.size);
        file_->read_at(place + sizeof marker, packed_);
        unpacked_.resize(image_.grain_size);
        // The last grain of the disk may be packed without what lies behind the end of the disk.
        const std::uint64_t needed = std::min(image_.grain_size, image_.virtual_size - offset);
        uLongf size = unpacked_.size();
        const int result = ::uncompress(reinterpret_cast<Bytef*>(unpacked_.data()), &size,
                                        reinterpret_cast<const Bytef*>(packed_.data()), packed_.size());
        if (result == Z_MEM_ERROR) throw std::bad_alloc();
        if (result != Z_OK || size < needed)
            throw CorruptImage(what + " gives " + std::to_string(size) + " bytes instead of " + std::to_string(needed) +
                               " (zlib " + std::to_string(result) + ")");
        unpacked_at_ = offset;
    }

    std::shared_ptr<BlockSource> file_;
    Image image_;
    std::vector<le32> directory_, table_;
    std::vector<std::byte> packed_, unpacked_;
    std::uint64_t table_index_ = UINT64_MAX, unpacked_at_ = UINT64_MAX, grains_ = 0;
};

}  // namespace

std::unique_ptr<BlockSource> open_vmdk(std::shared_ptr<BlockSource> file, Facts* facts) {
    return std::make_unique<VmdkDisk>(std::move(file), facts);
}

}  // namespace formats::vmdk
