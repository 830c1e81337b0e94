// SPDX-License-Identifier: Apache-2.0
#pragma once
// A small monolithicSparse VMDK, made by hand so that tests can break it.
#include <cstring>
#include <string>
#include <vector>

#include "formats/vmdk/vmdk_header.hpp"

namespace support {

struct VmdkWish {
    std::string extent = "RW 2048 SPARSE \"disk.vmdk\"";
    std::string more;  // lines at the descriptor's end
};

// A disk of 1 MiB whose second grain (64 KiB) is all 0x5a.
inline std::vector<std::byte> vmdk_image(const VmdkWish& wish) {
    formats::vmdk::SparseHeader header{};
    header.magic = {'K', 'D', 'M', 'V'};
    header.version = 1;
    header.flags = 1;
    header.capacity = 2048;
    header.grain_size = 128;
    header.descriptor_offset = 1;
    header.descriptor_size = 20;
    header.grain_table_entries = 512;
    header.directory_offset = 21;
    header.overhead = 128;
    header.line_ends = {'\n', ' ', '\r', '\n'};
    const std::string descriptor =
        "# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType=\"monolithicSparse\"\n" + wish.extent +
        "\nddb.adapterType = \"ide\"\n" + wish.more + "\n";
    std::vector<std::byte> bytes(256 * 512);
    std::memcpy(bytes.data(), &header, sizeof header);
    std::memcpy(bytes.data() + 512, descriptor.data(), descriptor.size());
    const formats::le32 table = 22, grain = 128;
    std::memcpy(bytes.data() + 21 * 512, &table, 4);
    std::memcpy(bytes.data() + 22 * 512 + 4, &grain, 4);
    std::memset(bytes.data() + 128 * 512, 0x5a, 128 * 512);
    return bytes;
}

}  // namespace support
