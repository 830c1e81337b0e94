// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <stdexcept>

#include "formats/disk/zeroes.hpp"
#include "formats/stream/tar.hpp"
#include "formats/xva/ova_xml.hpp"
#include "formats/xva/xva.hpp"

namespace formats::xva {
namespace {

constexpr std::uint64_t max_disk = std::uint64_t{16} << 40;  // far above any SR's limit

std::vector<std::uint32_t> chunks_with_data(BlockSource& disk, std::uint64_t size) {
    const auto last = static_cast<std::uint32_t>(size / chunk_size - 1);
    std::vector<std::uint32_t> chunks{0};  // the first is the unit that gaps are counted in
    for (std::uint64_t offset = 0; offset < disk.virtual_size();) {
        const Extent extent = disk.extent_at(offset);
        const std::uint64_t end = std::min(offset + extent.length, disk.virtual_size());
        if (extent.allocated)
            for (std::uint64_t chunk = offset / chunk_size; chunk * chunk_size < end; ++chunk)
                if (chunk > chunks.back()) chunks.push_back(static_cast<std::uint32_t>(chunk));
        offset = end;
    }
    if (last > chunks.back()) chunks.push_back(last);  // the importer reads until it
    return chunks;
}

void drop_zero_chunks(BlockSource& disk, std::vector<std::uint32_t>& chunks) {
    if (chunks.size() < 3) return;
    std::vector<std::byte> buffer(chunk_size);
    const auto middle_zero = [&](std::uint32_t chunk) {
        if (chunk == chunks.front() || chunk == chunks.back()) return false;
        read_chunk(disk, chunk, buffer);
        return all_zero(buffer);
    };
    std::vector<std::uint32_t> kept;
    std::copy_if(chunks.begin(), chunks.end(), std::back_inserter(kept),
                 [&](std::uint32_t chunk) { return !middle_zero(chunk); });
    chunks = std::move(kept);
}

}  // namespace

void read_chunk(BlockSource& disk, std::uint32_t chunk, std::span<std::byte> out) {
    const std::uint64_t offset = chunk * chunk_size;
    const std::uint64_t there = offset < disk.virtual_size() ? std::min(chunk_size, disk.virtual_size() - offset) : 0;
    disk.read_at(offset, out.first(there));
    std::fill(out.begin() + static_cast<std::ptrdiff_t>(there), out.end(), std::byte{0});
}

XvaLayout::XvaLayout(const std::vector<BlockSource*>& disks, const Hardware& hardware, const XvaOptions& options)
    : checksum_(options.checksum) {
    std::vector<DiskRecord> records;
    for (BlockSource* disk : disks) {
        if (disk->virtual_size() == 0 || disk->virtual_size() > max_disk)
            throw std::invalid_argument("xva: a disk of " + std::to_string(disk->virtual_size()) + " bytes; 1 to " +
                                        std::to_string(max_disk) + " can be");
        const std::uint64_t size = (disk->virtual_size() + chunk_size - 1) / chunk_size * chunk_size;
        disks_.push_back({disk, disk_reference(disks_.size()), size, chunks_with_data(*disk, size)});
        if (options.detect_zeroes) drop_zero_chunks(*disk, disks_.back().chunks);
        records.push_back({disks_.back().reference, size});
    }
    ova_xml_ = write_ova_xml(hardware, records, options.date);
    const std::uint64_t checksum_size = checksum_ == Checksum::sha1 ? 40 : 16;
    file_size_ = tar::member_size(ova_xml_.size()) + 2 * tar::block;
    for (const Disk& disk : disks_)
        file_size_ += disk.chunks.size() * (tar::member_size(chunk_size) + tar::member_size(checksum_size));
    // From here on every byte of the archive is determined.
}

}  // namespace formats::xva
