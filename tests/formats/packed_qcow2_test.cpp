// SPDX-License-Identifier: Apache-2.0
#include "formats/qcow2/packed_qcow2.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "formats/base/errors.hpp"
#include "formats/qcow2/qcow2.hpp"
#include "formats/stream/output_file.hpp"
#include "tests/support/judges.hpp"
#include "tests/support/test_disks.hpp"

namespace {

using formats::qcow2::PackedQcow2;
using formats::qcow2::PackOptions;
using support::mib;
using testing::HasSubstr;

// Text that packs, noise that does not, and zeroes that are allocated.
support::MemoryDisk mixed_disk() {
    support::MemoryDisk disk(20 * mib + 512);
    disk.fill(0, 2 * mib, 3);
    disk.fill(19 * mib, mib + 512, 5);
    return disk;
}

std::vector<std::byte> mixed_bytes() {
    auto disk = mixed_disk();
    auto bytes = support::all_of(disk);
    for (std::size_t i = 4 * mib; i < 9 * mib; ++i) bytes[i] = static_cast<std::byte>(i / 1000);
    return bytes;
}

std::vector<std::byte> packed(formats::BlockSource& disk, bool zstd, unsigned threads) {
    PackOptions options;
    options.zstd = zstd;
    options.level = 3;
    options.threads = threads;
    options.spool_folder = std::filesystem::temp_directory_path();
    PackedQcow2 plan(disk, options);
    support::MemorySink sink;
    plan.write(sink);
    EXPECT_EQ(sink.bytes.size(), plan.file_size());
    return sink.bytes;
}

TEST(PackedQcow2, the_disk_comes_back_and_the_threads_do_not_matter) {
    support::MemoryFile disk(mixed_bytes());
    for (const bool zstd : {false, true}) {
        const auto bytes = packed(disk, zstd, 1);
        EXPECT_EQ(bytes, packed(disk, zstd, 3));
        EXPECT_LT(bytes.size(), 9 * mib);
        auto file = std::make_shared<support::MemoryFile>(bytes);
        EXPECT_EQ(support::difference(disk, *formats::qcow2::open_qcow2(file)), "");
        const auto report = formats::qcow2::check_qcow2(*file);
        EXPECT_THAT(report.errors, testing::IsEmpty());
        EXPECT_EQ(report.leaked, 0U);
    }
}

TEST(PackedQcow2, clusters_are_the_same_read_singly_or_side_by_side) {
    const auto whole = mixed_bytes();
    support::MemoryFile disk(whole);
    for (const bool zstd : {false, true}) {
        const auto image = formats::qcow2::open_qcow2(std::make_shared<support::MemoryFile>(packed(disk, zstd, 2)));
        const std::vector<std::pair<std::uint64_t, std::uint64_t>> reads = {
            {0, whole.size()}, {5 * mib, mib}, {5 * mib + 512, mib}, {5 * mib, mib + 512}, {4 * mib, 65536}, {1, 3}};
        for (const auto& [offset, length] : reads) {
            std::vector<std::byte> part(length);
            image->read_at(offset, part);
            EXPECT_TRUE(std::ranges::equal(part, std::span(whole).subspan(offset, length))) << offset << ' ' << length;
        }
    }
}

TEST(PackedQcow2, a_damaged_cluster_among_many_is_refused) {
    support::MemoryFile disk(mixed_bytes());
    const auto sound = packed(disk, true, 1);
    const std::array magic = {std::byte{0x28}, std::byte{0xb5}, std::byte{0x2f}, std::byte{0xfd}};
    auto place = sound.begin();
    for (int frame = 0; frame < 5; ++frame) place = std::search(place + 1, sound.end(), magic.begin(), magic.end());
    ASSERT_NE(place, sound.end());
    auto damaged = sound;
    damaged[static_cast<std::size_t>(place - sound.begin())] ^= std::byte{1};
    const auto image = formats::qcow2::open_qcow2(std::make_shared<support::MemoryFile>(damaged));
    std::vector<std::byte> part(16 * mib);
    EXPECT_THROW(image->read_at(0, part), formats::CorruptImage);
    image->read_at(16 * mib, std::span(part).first(mib));  // it can still be asked for another place
}

TEST(PackedQcow2, qemu_finds_no_fault_and_the_same_disk) {
    if (!support::installed("qemu-img")) GTEST_SKIP() << "qemu-img is not installed";
    const support::TemporaryFolder folder;
    support::MemoryFile disk(mixed_bytes());
    support::save(folder / "a.raw", support::all_of(static_cast<formats::BlockSource&>(disk)));
    for (const bool zstd : {false, true}) {
        support::save(folder / "a.qcow2", packed(disk, zstd, 2));
        const auto check = support::run("qemu-img check -f qcow2 " + (folder / "a.qcow2").string());
        EXPECT_EQ(check.exit_code, 0) << check.output;
        EXPECT_THAT(check.output, HasSubstr("No errors were found"));
        const auto compare = support::run("qemu-img compare -f raw -F qcow2 " + (folder / "a.raw").string() + " " +
                                          (folder / "a.qcow2").string());
        EXPECT_EQ(compare.exit_code, 0) << compare.output;
    }
}

TEST(PackedQcow2, an_empty_disk_has_no_data) {
    support::MemoryDisk disk(600 * mib);
    auto file = std::make_shared<support::MemoryFile>(packed(disk, false, 1));
    EXPECT_LT(file->virtual_size(), mib);
    EXPECT_EQ(support::difference(disk, *formats::qcow2::open_qcow2(file)), "");
}

}  // namespace
