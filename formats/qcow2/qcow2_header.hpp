// SPDX-License-Identifier: Apache-2.0
#pragma once
// The header of a qcow2 file as it lies there, and as checked numbers. Inside the room only.
#include <array>
#include <cstdint>

#include "formats/base/block_source.hpp"
#include "formats/base/endian.hpp"
#include "formats/disk/facts.hpp"

namespace formats::qcow2 {

struct Header {
    std::array<char, 4> magic;
    be32 version;
    be64 backing_file_offset;
    be32 backing_file_size;
    be32 cluster_bits;
    be64 size;
    be32 crypt_method;
    be32 l1_size;
    be64 l1_table_offset;
    be64 refcount_table_offset;
    be32 refcount_table_clusters;
    be32 nb_snapshots;
    be64 snapshots_offset;
    // Version 3 from here on.
    be64 incompatible_features;
    be64 compatible_features;
    be64 autoclear_features;
    be32 refcount_order;
    be32 header_length;
    std::uint8_t compression_type;
    std::array<std::uint8_t, 7> padding;
};
static_assert(sizeof(Header) == 112 && alignof(Header) == 1);

constexpr std::array<char, 4> magic{'Q', 'F', 'I', '\xfb'};
constexpr std::uint32_t v2_header_size = 72, v3_header_size = 104;
constexpr std::uint64_t offset_mask = 0x00fffffffffffe00;
constexpr std::uint64_t copied = std::uint64_t{1} << 63, compressed = std::uint64_t{1} << 62;
constexpr std::uint64_t l1_reserved = 0x7f000000000001ff, l2_reserved = 0x3f000000000001fe, zero_flag = 1;

namespace incompatible {
constexpr std::uint64_t dirty = 1, corrupt = 2, data_file = 4, compression = 8, extended_l2 = 16;
}

// The header, every number of it checked against the rules and against the file's size.
struct Image {
    std::uint64_t file_size = 0, virtual_size = 0;
    std::uint32_t version = 0, cluster_bits = 0, refcount_bits = 16;
    std::uint64_t l1_offset = 0, l1_size = 0;
    std::uint64_t refcount_table_offset = 0, refcount_table_clusters = 0;
    std::uint64_t snapshots_offset = 0, snapshot_count = 0;
    bool dirty = false, zstd = false, extended_l2 = false;

    std::uint64_t cluster_size() const { return std::uint64_t{1} << cluster_bits; }
    std::uint64_t l2_entry_size() const { return extended_l2 ? 16 : 8; }
    std::uint64_t l2_entries() const { return cluster_size() / l2_entry_size(); }
    // Bytes of the disk that one L2 table stands for; the shift cannot overflow with cluster_bits <= 21.
    std::uint64_t l2_span() const { return l2_entries() << cluster_bits; }
};
Image read_header(BlockSource& file, Facts* facts = nullptr);

}  // namespace formats::qcow2
