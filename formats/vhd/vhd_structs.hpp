// SPDX-License-Identifier: Apache-2.0
#pragma once
// VHD's structures as they lie in the file. Inside the room only.
#include <array>
#include <cstdint>

#include "formats/base/endian.hpp"

namespace formats::vhd {

constexpr std::uint64_t sector = 512;
constexpr std::uint32_t free_block = 0xffffffff;
constexpr std::uint32_t version_1_0 = 0x00010000;
constexpr std::uint32_t type_fixed = 2, type_dynamic = 3, type_differencing = 4;

struct Footer {
    std::array<char, 8> cookie;
    be32 features;
    be32 file_format_version;
    be64 data_offset;
    be32 timestamp;  // seconds since 2000-01-01 UTC
    std::array<char, 4> creator_application;
    be32 creator_version;
    be32 creator_host_os;
    be64 original_size;
    be64 current_size;
    be16 cylinders;
    std::uint8_t heads;
    std::uint8_t sectors_per_track;
    be32 disk_type;
    be32 checksum;
    std::array<std::uint8_t, 16> unique_id;
    std::uint8_t saved_state;
    std::array<std::uint8_t, 427> reserved;
};
static_assert(sizeof(Footer) == 512 && alignof(Footer) == 1);

struct ParentLocator {
    be32 platform_code;
    be32 platform_data_space;
    be32 platform_data_length;
    be32 reserved;
    be64 platform_data_offset;
};

struct DynamicHeader {
    std::array<char, 8> cookie;
    be64 data_offset;
    be64 table_offset;
    be32 header_version;
    be32 max_table_entries;
    be32 block_size;
    be32 checksum;
    std::array<std::uint8_t, 16> parent_unique_id;
    be32 parent_timestamp;
    be32 reserved;
    std::array<std::uint8_t, 512> parent_name;
    std::array<ParentLocator, 8> parent_locators;
    std::array<std::uint8_t, 256> reserved_2;
};
static_assert(sizeof(DynamicHeader) == 1024 && alignof(DynamicHeader) == 1);

// XenServer's: which blocks are full, so that their bitmaps need not be read.
struct BatmapHeader {
    std::array<char, 8> cookie;
    be64 batmap_offset;  // bytes
    be32 batmap_size;    // sectors
    be32 batmap_version;
    be32 checksum;  // of the map itself
    std::array<std::uint8_t, 484> padding;
};
static_assert(sizeof(BatmapHeader) == 512 && alignof(BatmapHeader) == 1);

constexpr std::array<char, 8> footer_cookie{'c', 'o', 'n', 'e', 'c', 't', 'i', 'x'};
constexpr std::array<char, 8> header_cookie{'c', 'x', 's', 'p', 'a', 'r', 's', 'e'};
constexpr std::array<char, 8> batmap_cookie{'t', 'd', 'b', 'a', 't', 'm', 'a', 'p'};

// The ones' complement of the sum of all bytes.
inline std::uint32_t checksum(std::span<const std::byte> bytes) {
    std::uint32_t sum = 0;
    for (const std::byte byte : bytes) sum += std::to_integer<std::uint32_t>(byte);
    return ~sum;
}
// The same with the structure's own checksum field taken as 0.
template <class Structure>
std::uint32_t own_checksum(Structure copy) {
    copy.checksum = 0;
    return checksum(bytes_of(copy));
}

// Bytes of the sector bitmap before a block's data.
constexpr std::uint64_t bitmap_size(std::uint64_t block_size) {
    return (block_size / sector / 8 + sector - 1) / sector * sector;
}

}  // namespace formats::vhd
