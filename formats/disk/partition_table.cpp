// SPDX-License-Identifier: Apache-2.0
#include "formats/disk/partition_table.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "formats/base/endian.hpp"
#include "formats/disk/views.hpp"

namespace formats {
namespace {

constexpr std::uint8_t protective = 0xee, end_of_signature = 0xaa;

struct Entry {
    std::uint8_t boot_flag;
    std::array<std::uint8_t, 3> first_chs;  // head, sector, cylinder
    std::uint8_t type;
    std::array<std::uint8_t, 3> last_chs;
    le32 first_lba, sectors;
};
struct BootRecord {
    std::array<char, 446> code;
    std::array<Entry, 4> entries;
    std::array<std::uint8_t, 2> signature;
};
static_assert(sizeof(BootRecord) == 512 && alignof(BootRecord) == 1);

// FAT and NTFS keep boot code where a table would be.
bool is_file_system(const BootRecord& record) {
    const std::string_view code(record.code.data(), record.code.size());
    return code.substr(54, 3) == "FAT" || code.substr(82, 5) == "FAT32" || code.substr(3, 8) == "NTFS    " ||
           code.substr(3, 8) == "EXFAT   ";
}

std::string hex(unsigned value) {
    std::array<char, 8> text{};
    std::snprintf(text.data(), text.size(), "0x%02x", value);
    return text.data();
}

}  // namespace

std::vector<std::string> partition_table_problems(BlockSource& disk) {
    std::array<std::byte, sizeof(BootRecord)> bytes;
    read_padded(disk, 0, bytes);
    BootRecord record;
    std::memcpy(&record, bytes.data(), sizeof record);
    if (record.signature != std::array<std::uint8_t, 2>{0x55, end_of_signature} || is_file_system(record)) return {};
    std::vector<std::string> problems;
    const auto used = std::ranges::count_if(record.entries, [](const Entry& entry) { return entry.type != 0; });
    for (std::size_t i = 0; i < record.entries.size(); ++i) {
        const Entry& entry = record.entries[i];
        const std::string which = "MBR: entry " + std::to_string(i + 1);
        if (entry.boot_flag != 0 && entry.boot_flag != 0x80)
            problems.push_back(which + " has the boot flag " + hex(entry.boot_flag) + "; 0x00 and 0x80 can be");
        if (entry.type != protective) continue;
        if (entry.first_chs != std::array<std::uint8_t, 3>{0, 2, 0} || entry.first_lba != 1)
            problems.push_back(which + " protects a GPT and starts at CHS " + std::to_string(entry.first_chs[0]) + "/" +
                               std::to_string(entry.first_chs[1]) + "/" + std::to_string(entry.first_chs[2]) +
                               ", LBA " + std::to_string(entry.first_lba) + "; 0/2/0 and 1 must be");
        if (used != 1)
            problems.push_back(which + " protects a GPT and is one of " + std::to_string(used) +
                               " entries; it must be the only one");
    }
    return problems;
}

}  // namespace formats
