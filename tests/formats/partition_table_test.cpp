// SPDX-License-Identifier: Apache-2.0
#include "formats/disk/partition_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/base/errors.hpp"
#include "formats/image/open_image.hpp"
#include "formats/image/plan_output.hpp"
#include "tests/support/test_disks.hpp"

namespace {

using formats::partition_table_problems;
using support::mib;
using testing::HasSubstr;
using testing::IsEmpty;

struct Entry {
    unsigned flag, head, sector, cylinder, type, lba;
};

std::vector<std::byte> disk_with(const std::vector<Entry>& entries) {
    std::vector<std::byte> bytes(4 * mib);
    std::size_t at = 446;
    for (const Entry& entry : entries) {
        for (const unsigned value : {entry.flag, entry.head, entry.sector, entry.cylinder, entry.type, 0U, 0U, 0U})
            bytes[at++] = static_cast<std::byte>(value);
        bytes[at] = static_cast<std::byte>(entry.lba);
        bytes[at + 4] = std::byte{100};
        at += 8;
    }
    bytes[510] = std::byte{0x55};
    bytes[511] = std::byte{0xaa};
    return bytes;
}

std::vector<std::string> problems_of(std::vector<std::byte> bytes) {
    support::MemoryFile disk(std::move(bytes));
    return partition_table_problems(disk);
}

TEST(PartitionTable, sound_tables_and_none_are_taken) {
    EXPECT_THAT(problems_of(disk_with({{0, 0, 2, 0, 0xee, 1}})), IsEmpty());
    EXPECT_THAT(problems_of(disk_with({{0x80, 1, 1, 0, 0x83, 63}, {0, 9, 9, 9, 0x82, 99}})), IsEmpty());
    EXPECT_THAT(problems_of(std::vector<std::byte>(100)), IsEmpty());
    std::vector<std::byte> fat = disk_with({{0x41, 0x42, 0x43, 0x44, 0x45, 0x46}});
    std::ranges::copy(support::bytes_of("FAT16   "), fat.begin() + 54);
    EXPECT_THAT(problems_of(fat), IsEmpty());
    fat[54] = std::byte{'f'};
    EXPECT_FALSE(problems_of(fat).empty());
}

TEST(PartitionTable, each_rule_names_the_entry_and_what_it_has) {
    const std::pair<std::vector<Entry>, const char*> cases[] = {
        {{{0, 1, 1, 0, 0x83, 63}, {0x7f, 1, 1, 0, 0x83, 63}}, "entry 2 has the boot flag 0x7f"},
        {{{0, 0, 1, 0, 0xee, 1}}, "entry 1 protects a GPT and starts at CHS 0/1/0, LBA 1"},
        {{{0, 0, 2, 0, 0xee, 2}}, "starts at CHS 0/2/0, LBA 2"},
        {{{0, 0, 2, 0, 0xee, 1}, {0x80, 1, 1, 0, 0x83, 63}}, "is one of 2 entries"}};
    for (const auto& [entries, says] : cases)
        EXPECT_THAT(problems_of(disk_with(entries)), testing::ElementsAre(HasSubstr(says)));
}

TEST(PartitionTable, a_raw_disk_with_a_false_one_is_refused_unless_forced) {
    const auto file = std::make_shared<support::MemoryFile>(disk_with({{0, 0, 2, 0, 0xee, 1}, {0, 1, 1, 0, 7, 9}}));
    formats::OpenOptions options;
    options.declared = formats::Format::raw;
    try {
        formats::open_image(file, "disk", options);
        FAIL();
    } catch (const formats::RefusedImage& error) {
        EXPECT_THAT(error.what(), HasSubstr("is one of 2 entries"));
        EXPECT_THAT(error.what(), HasSubstr("--from raw --force"));
    }
    options.force_raw = true;
    EXPECT_EQ(formats::open_image(file, "disk", options).disks.size(), 1U);
    support::MemorySink qcow2;  // in another format the disk is not what is trusted
    formats::plan_output({formats::Format::qcow2}, {file.get()}, {})->write(qcow2);
    EXPECT_EQ(formats::open_image(std::make_shared<support::MemoryFile>(qcow2.bytes), "a.qcow2").disks.size(), 1U);
}

}  // namespace
