// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reading an XVA as a stream, as the importer does: members by whitelist, disks in the byte order of
// their ids, chunk numbers as a counter (gaps count in units of the archive's first chunk), a
// checksum behind every chunk. Rules: docs/formats/xva.md.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/machine/hardware.hpp"
#include "formats/stream/byte_sink.hpp"

namespace formats::xva {

struct DiskReport {
    std::string reference;
    std::uint64_t virtual_size = 0, allocated = 0;  // allocated: bytes of chunks in the archive
    std::uint64_t chunks = 0;
    std::string checksum;  // "sha1", "xxhash", "sha1, xxhash"
};

struct XvaReport {
    Hardware hardware;
    std::vector<DiskReport> disks;
    std::uint64_t file_size = 0;  // bytes of the uncompressed archive that were read
};

// Gets every chunk that is there, in order: disk number from 0, offset in bytes, data.
using ChunkHandler = std::function<void(std::size_t disk, std::uint64_t offset, std::span<const std::byte> data)>;

// Gets the place of every chunk that is there, in order: disk number from 0, offset on the disk, first
// byte of its data in the archive, bytes.
using PlaceHandler =
    std::function<void(std::size_t disk, std::uint64_t offset, std::uint64_t place, std::uint64_t length)>;

// Walks over the members without reading the chunks: checks names, numbers and lengths, not checksums.
// Those are verified by whoever reads a chunk, with verify_chunk().
XvaReport index_xva(ByteSource& from, const PlaceHandler& on_chunk);

// Compares the chunk with the content of its checksum member: 40 or 16 digits. Throws CorruptImage.
void verify_chunk(std::span<const std::byte> data, std::string_view stated, const std::string& name);

// Reads the whole archive and verifies every checksum. Throws CorruptImage or RefusedImage with the
// member's name.
XvaReport read_xva(ByteSource& from, const ChunkHandler& on_chunk = {});

// Every disk into folder/disk1.raw, disk2.raw …, sparse.
XvaReport extract_xva(ByteSource& from, const std::filesystem::path& folder);

}  // namespace formats::xva
