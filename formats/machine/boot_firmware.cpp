// SPDX-License-Identifier: Apache-2.0
#include "formats/machine/boot_firmware.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <vector>

#include "formats/base/endian.hpp"
#include "formats/disk/views.hpp"

namespace formats {
namespace {

constexpr std::uint64_t sector = 512;
constexpr std::uint32_t max_entries = 1024, max_entry_size = 4096;
using Guid = std::array<std::uint8_t, 16>;
constexpr Guid system_partition{0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11,
                                0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b};
constexpr Guid bios_boot{0x48, 0x61, 0x68, 0x21, 0x49, 0x64, 0x6f, 0x6e,
                         0x74, 0x4e, 0x65, 0x65, 0x64, 0x45, 0x46, 0x49};

struct GptHeader {
    std::array<char, 8> signature;
    le32 revision, header_size, crc, reserved;
    le64 my_lba, other_lba, first_usable, last_usable;
    Guid disk;
    le64 entries_lba;
    le32 entry_count, entry_size, entries_crc;
};
static_assert(sizeof(GptHeader) == 92 && alignof(GptHeader) == 1);

constexpr std::size_t code_size = 440;  // of an MBR; behind it stand the disk's signature and the partitions

struct Found {
    bool code = false, signature = false, system_partition = false, bios_boot = false;
};

Found look(BlockSource& disk) {
    std::vector<std::byte> first(2 * sector);
    read_padded(disk, 0, first);
    Found found;
    found.code = std::any_of(first.begin(), first.begin() + code_size, [](std::byte b) { return b != std::byte{0}; });
    found.signature = first[510] == std::byte{0x55} && first[511] == std::byte{0xaa};
    GptHeader header{};
    std::memcpy(&header, first.data() + sector, sizeof header);
    if (std::string_view(header.signature.data(), header.signature.size()) != "EFI PART") return found;
    const std::uint32_t count = header.entry_count, size = header.entry_size;
    if (count > max_entries || size < 128 || size > max_entry_size ||
        header.entries_lba >= disk.virtual_size() / sector)
        return found;
    std::vector<std::byte> entries(std::size_t{count} * size);
    read_padded(disk, header.entries_lba * sector, entries);
    for (std::uint32_t i = 0; i < count; ++i) {
        Guid type;
        std::memcpy(type.data(), entries.data() + std::size_t{i} * size, type.size());
        found.system_partition = found.system_partition || type == system_partition;
        found.bios_boot = found.bios_boot || type == bios_boot;
    }
    return found;
}

}  // namespace

BootWays boot_ways(BlockSource& disk) {
    const Found found = look(disk);
    return {found.code && found.signature, found.system_partition};
}

Firmware boot_firmware(BlockSource& disk) {
    const Found found = look(disk);
    return found.system_partition && !found.bios_boot && !found.code ? Firmware::uefi : Firmware::bios;
}

}  // namespace formats
