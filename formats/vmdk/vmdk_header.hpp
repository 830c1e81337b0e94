// SPDX-License-Identifier: Apache-2.0
#pragma once
// The header, footer and descriptor of a VMDK as checked numbers. Inside the room only.
#include <array>
#include <cstdint>
#include <string>

#include "formats/base/block_source.hpp"
#include "formats/base/endian.hpp"
#include "formats/disk/facts.hpp"

namespace formats::vmdk {

constexpr std::uint64_t sector = 512;

struct SparseHeader {
    std::array<char, 4> magic;
    le32 version;
    le32 flags;
    le64 capacity;  // sectors, as all below
    le64 grain_size;
    le64 descriptor_offset;
    le64 descriptor_size;
    le32 grain_table_entries;
    le64 redundant_directory_offset;
    le64 directory_offset;
    le64 overhead;
    std::uint8_t unclean_shutdown;
    std::array<char, 4> line_ends;  // "\n \r\n", which a transfer as text would break
    le16 compression;
    std::array<std::uint8_t, 433> padding;
};
static_assert(sizeof(SparseHeader) == 512 && alignof(SparseHeader) == 1);

struct Marker {
    le64 value;
    le32 size;
    le32 type;
    std::array<std::uint8_t, 496> padding;
};
static_assert(sizeof(Marker) == 512 && alignof(Marker) == 1);

constexpr std::uint64_t directory_at_end = UINT64_MAX;
constexpr std::uint32_t flag_line_ends = 1, flag_redundant = 2, flag_zero_grain = 4, flag_compressed = 1 << 16,
                        flag_markers = 1 << 17;
constexpr std::uint32_t known_flags = 0x30007;

struct Image {
    std::uint64_t file_size = 0, virtual_size = 0, grain_size = 0;  // bytes
    std::uint64_t table_entries = 0, directory_offset = 0;          // entries; bytes
    bool compressed = false, zero_grains = false;
    std::uint64_t table_span() const { return grain_size * table_entries; }
};
Image read_header(BlockSource& file, Facts* facts);

// Every line is known, and no extent names another file. Throws RefusedImage or CorruptImage.
void check_descriptor(const std::string& text, Facts* facts);

}  // namespace formats::vmdk
