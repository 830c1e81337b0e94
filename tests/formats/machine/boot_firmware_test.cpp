// SPDX-License-Identifier: Apache-2.0
#include "formats/machine/boot_firmware.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace {

class BytesDisk : public formats::BlockSource {
public:
    std::string bytes = std::string(64 << 10, '\0');
    std::uint64_t virtual_size() const override { return bytes.size(); }
    formats::Extent extent_at(std::uint64_t offset) override { return {offset, bytes.size() - offset, true}; }
    void read_at(std::uint64_t offset, std::span<std::byte> out) override {
        std::memcpy(out.data(), bytes.data() + offset, out.size());
    }
};

void put(BytesDisk& disk, std::size_t offset, const std::string& bytes) {
    disk.bytes.replace(offset, bytes.size(), bytes);
}

void add_efi_partition(BytesDisk& disk) {
    std::string header("EFI PART");
    header.resize(92);
    header[72] = 2;                                       // entries at sector 2
    header[80] = 4, header[84] = '\x80', header[85] = 0;  // four of 128 bytes
    put(disk, 512, header);
    put(disk, 1024, std::string("\x28\x73\x2a\xc1\x1f\xf8\xd2\x11\xba\x4b\x00\xa0\xc9\x3e\xc9\x3b", 16));
}

TEST(BootFirmware, a_disk_that_is_one_file_system_was_said_to_boot_by_bios) {
    BytesDisk disk;
    put(disk, 1080, "\x53\xef");  // of ext4
    const formats::BootWays ways = formats::boot_ways(disk);
    EXPECT_FALSE(ways.bios);
    EXPECT_FALSE(ways.uefi);
    EXPECT_EQ(formats::boot_firmware(disk), formats::Firmware::bios);
}

TEST(BootFirmware, is_told_by_code_with_its_signature_and_by_the_efi_partition) {
    BytesDisk disk;
    put(disk, 510, "\x55\xaa");
    EXPECT_FALSE(formats::boot_ways(disk).bios);  // a table without code
    put(disk, 0, "\xeb\x63");
    EXPECT_TRUE(formats::boot_ways(disk).bios);
    add_efi_partition(disk);
    EXPECT_TRUE(formats::boot_ways(disk).bios);
    EXPECT_TRUE(formats::boot_ways(disk).uefi);
    EXPECT_EQ(formats::boot_firmware(disk), formats::Firmware::bios);
    put(disk, 0, std::string(2, '\0'));
    EXPECT_FALSE(formats::boot_ways(disk).bios);
    EXPECT_EQ(formats::boot_firmware(disk), formats::Firmware::uefi);
}

}  // namespace
