// SPDX-License-Identifier: Apache-2.0
#pragma once
// XVA: a tar of `ova.xml` and the disks' 1 MiB chunks, each followed by its checksum, as xapi
// imports it. Byte table and rules: docs/formats/xva.md.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "formats/base/block_source.hpp"
#include "formats/disk/ranged_output.hpp"
#include "formats/machine/hardware.hpp"
#include "formats/stream/byte_sink.hpp"

namespace formats::xva {

constexpr std::uint64_t chunk_size = std::uint64_t{1} << 20;

enum class Checksum { sha1, xxhash };  // `.checksum`: every host; `.xxhash`: xapi >= 1.214

struct XvaOptions {
    Checksum checksum = Checksum::sha1;
    std::string date = "19700101T00:00:00Z";  // of ova.xml's version record
    bool detect_zeroes = false;               // costs one more read of the allocated chunks
};

// Walks the disks' extents and fixes every member's place; a chunk that no allocated extent touches
// is left out (never a disk's first or last). Nothing is read, unless options.detect_zeroes asks to
// read allocated chunks too and leave out those that are all zero. From then on file_size() is known
// and the bytes are determined.
// A disk's virtual size is padded with zeroes to a whole MiB, because chunks must be.
// REQUIRES: the disks outlive the layout and do not change.
class XvaLayout {
public:
    XvaLayout(const std::vector<BlockSource*>& disks, const Hardware& hardware, const XvaOptions& options = {});

    std::uint64_t file_size() const { return file_size_; }
    // Also published alone, for `xe vm-import metadata=true`.
    const std::string& ova_xml() const { return ova_xml_; }

    struct Disk {
        BlockSource* source;
        std::string reference;              // folder of its chunks
        std::uint64_t virtual_size;         // padded to whole chunks
        std::vector<std::uint32_t> chunks;  // numbers of those that are written, ascending
    };
    const std::vector<Disk>& disks() const { return disks_; }
    Checksum checksum() const { return checksum_; }

private:
    Checksum checksum_;
    std::vector<Disk> disks_;
    std::string ova_xml_;
    std::uint64_t file_size_ = 0;
};

// One chunk, with zeroes behind the end of the disk. REQUIRES: out.size() == chunk_size.
void read_chunk(BlockSource& disk, std::uint32_t chunk, std::span<std::byte> out);

// The archive, in one forward pass over the disks. Exactly layout.file_size() bytes; does not finish
// the sink.
void write_xva(const XvaLayout& layout, ByteSink& sink);
// The same bytes from any place; a chunk is read for its checksum when a range touches that.
// REQUIRES: the layout outlives it.
std::unique_ptr<RangedOutput> xva_output(const XvaLayout& layout);

}  // namespace formats::xva
