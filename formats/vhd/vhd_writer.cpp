// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <stdexcept>
#include <string>

#include "formats/base/checked.hpp"
#include "formats/disk/ranked_runs.hpp"
#include "formats/stream/digest.hpp"
#include "formats/vhd/vhd.hpp"
#include "formats/vhd/vhd_structs.hpp"

namespace formats::vhd {
namespace {

constexpr std::uint64_t mib = std::uint64_t{1} << 20;
constexpr std::uint64_t max_size = std::uint64_t{2040} << 30;
constexpr std::uint32_t windows = 0x5769326b, batmap_version = 0x00010002;
constexpr std::uint64_t block_sectors = VhdLayout::block_size / sector;

Footer footer_of(const VhdLayout& layout) {
    const bool dynamic = layout.options().kind == Kind::dynamic;
    const Geometry geometry = geometry_of(layout.virtual_size());
    Footer footer{};
    footer.cookie = footer_cookie;
    footer.features = 2;
    footer.file_format_version = version_1_0;
    footer.data_offset = dynamic ? sizeof(Footer) : UINT64_MAX;
    footer.timestamp = layout.options().timestamp;
    // These two creators' disks have exactly current_size bytes for every reader.
    footer.creator_application = dynamic ? std::array{'t', 'a', 'p', '\0'} : std::array{'w', 'i', 'n', ' '};
    footer.creator_version = dynamic ? 0x00010003U : 0x00060001U;
    footer.creator_host_os = dynamic ? 0U : windows;
    footer.original_size = footer.current_size = layout.virtual_size();
    footer.cylinders = geometry.cylinders;
    footer.heads = geometry.heads;
    footer.sectors_per_track = geometry.sectors_per_track;
    footer.disk_type = dynamic ? type_dynamic : type_fixed;
    footer.unique_id = layout.uuid();
    footer.checksum = own_checksum(footer);
    return footer;
}

DynamicHeader header_of(const VhdLayout& layout) {
    DynamicHeader header{};
    header.cookie = header_cookie;
    header.data_offset = UINT64_MAX;
    header.table_offset = layout.bat_offset();
    header.header_version = version_1_0;
    header.max_table_entries = static_cast<std::uint32_t>(layout.blocks());
    header.block_size = static_cast<std::uint32_t>(VhdLayout::block_size);
    header.checksum = own_checksum(header);
    return header;
}

// Sectors of the block that lie on the disk; the others' bits must be clear, or importers write
// behind the end of the disk.
std::uint64_t sectors_in(const VhdLayout& layout, std::uint64_t block) {
    return std::min(block_sectors, layout.virtual_size() / sector - block * block_sectors);
}

void set_bits(std::span<std::byte> map, std::uint64_t first, std::uint64_t count) {
    for (std::uint64_t i = first; i < first + count; ++i) map[i / 8] |= std::byte{0x80} >> (i % 8);
}

// The batmap with its header.
std::vector<std::byte> batmap_of(const VhdLayout& layout) {
    std::vector<std::byte> bytes(sizeof(BatmapHeader) + layout.batmap_size());
    const auto map = std::span(bytes).subspan(sizeof(BatmapHeader));
    for (const UnitRun& run : layout.runs())
        for (std::uint64_t block = run.first; block < run.first + run.count; ++block)
            if (sectors_in(layout, block) == block_sectors) set_bits(map, block, 1);
    BatmapHeader header{};
    header.cookie = batmap_cookie;
    header.batmap_offset = layout.bat_offset() + layout.bat_size() + sizeof header;
    header.batmap_size = static_cast<std::uint32_t>(map.size() / sector);
    header.batmap_version = batmap_version;
    header.checksum = checksum(map);
    std::ranges::copy(bytes_of(header), bytes.begin());
    return bytes;
}

// The disk as it is, then the footer.
class FixedOutput : public RangedOutput {
public:
    explicit FixedOutput(const VhdLayout& layout) : layout_(layout), footer_(footer_of(layout)) {}
    std::uint64_t size() const override { return layout_.file_size(); }

private:
    Piece piece_at(std::uint64_t offset) const override {
        if (offset < layout_.virtual_size()) return {layout_.virtual_size() - offset, &layout_.disk(), offset};
        return {size() - offset};
    }
    void make(std::uint64_t offset, std::span<std::byte> out) const override {
        copy_part(bytes_of(footer_), offset - layout_.virtual_size(), out);
    }

    const VhdLayout& layout_;
    Footer footer_;
};

// Footer's copy, header, BAT, batmap; each block behind its bitmap; footer.
class DynamicOutput : public RangedOutput {
public:
    explicit DynamicOutput(const VhdLayout& layout)
        : layout_(layout), runs_(layout.runs()), footer_(footer_of(layout)), batmap_(batmap_of(layout)) {
        const DynamicHeader header = header_of(layout);
        head_.assign(bytes_of(footer_).begin(), bytes_of(footer_).end());
        head_.insert(head_.end(), bytes_of(header).begin(), bytes_of(header).end());
    }
    std::uint64_t size() const override { return layout_.file_size(); }

private:
    static constexpr std::uint64_t bitmap = bitmap_size(VhdLayout::block_size), step = bitmap + VhdLayout::block_size;
    std::uint64_t batmap_offset() const { return layout_.bat_offset() + layout_.bat_size(); }
    std::uint64_t footer_offset() const { return layout_.first_block_offset() + runs_.count() * step; }

    Piece piece_at(std::uint64_t offset) const override {
        for (const std::uint64_t end : {layout_.bat_offset(), batmap_offset(), layout_.first_block_offset()})
            if (offset < end) return {end - offset};
        if (offset >= footer_offset()) return {size() - offset};
        const std::uint64_t inside = (offset - layout_.first_block_offset()) % step;
        if (inside < bitmap) return {bitmap - inside};
        const std::uint64_t rank = (offset - layout_.first_block_offset()) / step;
        return {step - inside, &layout_.disk(), runs_.unit_at(rank).first * VhdLayout::block_size + inside - bitmap};
    }

    void make(std::uint64_t offset, std::span<std::byte> out) const override {
        if (offset < layout_.bat_offset()) return copy_part(head_, offset, out);
        if (offset < batmap_offset()) return make_bat(offset - layout_.bat_offset(), out);
        if (offset < layout_.first_block_offset()) return copy_part(batmap_, offset - batmap_offset(), out);
        if (offset >= footer_offset()) return copy_part(bytes_of(footer_), offset - footer_offset(), out);
        offset -= layout_.first_block_offset();
        std::array<std::byte, bitmap> bits{};
        set_bits(bits, 0, sectors_in(layout_, runs_.unit_at(offset / step).first));
        copy_part(bits, offset % step, out);
    }

    void make_bat(std::uint64_t offset, std::span<std::byte> out) const {
        RankedRuns::Walk walk(runs_, offset / sizeof(be32));
        make_entries<be32>(offset, out, [&](std::uint64_t block) -> std::uint64_t {
            return walk.has(block) ? (layout_.first_block_offset() + walk.rank(block) * step) / sector : free_block;
        });
    }

    const VhdLayout& layout_;
    RankedRuns runs_;
    Footer footer_;
    std::vector<std::byte> head_, batmap_;
};

// Not random, so that the same disk gives the same file.
Uuid uuid_from(std::uint64_t virtual_size, const std::vector<UnitRun>& runs) {
    Digest digest(DigestKind::sha256);
    const be64 size = virtual_size;
    digest.update(bytes_of(size));
    for (const UnitRun& run : runs) {
        const be64 first = run.first, count = run.count;
        digest.update(bytes_of(first));
        digest.update(bytes_of(count));
    }
    const std::vector<std::byte> bytes = digest.finish();
    Uuid uuid;
    for (std::size_t i = 0; i < uuid.size(); ++i) uuid[i] = std::to_integer<std::uint8_t>(bytes[i]);
    uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0f) | 0x80);  // RFC 9562 version 8: made by a digest of ours
    uuid[8] = static_cast<std::uint8_t>((uuid[8] & 0x3f) | 0x80);
    return uuid;
}

}  // namespace

Geometry geometry_of(std::uint64_t bytes) {
    const std::uint64_t total = std::min<std::uint64_t>(bytes / sector, std::uint64_t{65535} * 16 * 255);
    std::uint64_t heads = 16, sectors = 255, tracks = total / sectors;
    if (total < std::uint64_t{65535} * 16 * 63) {
        sectors = 17;
        tracks = total / sectors;
        heads = std::max<std::uint64_t>(4, (tracks + 1023) / 1024);
        if (tracks >= heads * 1024 || heads > 16) {
            sectors = 31;
            heads = 16;
            tracks = total / sectors;
        }
        if (tracks >= heads * 1024) {
            sectors = 63;
            heads = 16;
            tracks = total / sectors;
        }
    }
    return {static_cast<std::uint16_t>(tracks / heads), static_cast<std::uint8_t>(heads),
            static_cast<std::uint8_t>(sectors)};
}

VhdLayout::VhdLayout(BlockSource& disk, const VhdOptions& options)
    : disk_(disk),
      options_(options),
      virtual_size_(round_up(disk.virtual_size(), options.kind == Kind::fixed ? mib : sector)) {
    if (virtual_size_ == 0 || virtual_size_ > max_size)
        throw std::invalid_argument("vhd: a disk of " + std::to_string(disk.virtual_size()) + " bytes; 1 to " +
                                    std::to_string(max_size) + " (2040 GiB) can be");
    runs_ = allocated_units(disk, block_size);
    for (const UnitRun& run : runs_) data_blocks_ += run.count;
    uuid_ = options.uuid ? *options.uuid : uuid_from(virtual_size_, runs_);
    // From here on every byte but the data is determined.
}

std::uint64_t VhdLayout::blocks() const {
    return divide_up(virtual_size_, block_size);
}
std::uint64_t VhdLayout::bat_size() const {
    return round_up(blocks() * 4, sector);
}
std::uint64_t VhdLayout::batmap_size() const {
    return round_up(divide_up(blocks(), 8), sector);
}
std::uint64_t VhdLayout::first_block_offset() const {
    return bat_offset() + bat_size() + sizeof(BatmapHeader) + batmap_size();
}
std::uint64_t VhdLayout::file_size() const {
    if (options_.kind == Kind::fixed) return virtual_size_ + sizeof(Footer);
    return first_block_offset() + data_blocks_ * (bitmap_size(block_size) + block_size) + sizeof(Footer);
}

std::unique_ptr<RangedOutput> vhd_output(const VhdLayout& layout) {
    if (layout.options().kind == Kind::fixed) return std::make_unique<FixedOutput>(layout);
    return std::make_unique<DynamicOutput>(layout);
}

}  // namespace formats::vhd
