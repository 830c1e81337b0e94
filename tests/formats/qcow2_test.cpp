// SPDX-License-Identifier: Apache-2.0
#include "formats/qcow2/qcow2.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/base/errors.hpp"
#include "formats/disk/file_disk.hpp"
#include "formats/qcow2/qcow2_header.hpp"
#include "formats/stream/sinks.hpp"
#include "tests/support/judges.hpp"
#include "tests/support/test_disks.hpp"

namespace {

using formats::qcow2::check_qcow2;
using formats::qcow2::open_qcow2;
using formats::qcow2::Qcow2Layout;
using support::mib;
using testing::HasSubstr;

std::shared_ptr<support::SparseFile> image_of(formats::BlockSource& disk) {
    auto file = std::make_shared<support::SparseFile>();
    const Qcow2Layout layout(disk);
    qcow2_output(layout)->write(*file);
    EXPECT_EQ(file->virtual_size(), layout.file_size());
    return file;
}

class Qcow2 : public testing::TestWithParam<support::TestDisk> {};
INSTANTIATE_TEST_SUITE_P(Disks, Qcow2, testing::ValuesIn(support::test_disks()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(Qcow2, the_disk_comes_back) {
    auto disk = GetParam().make();
    const auto read = open_qcow2(image_of(disk));
    EXPECT_EQ(support::difference(disk, *read), "");
    EXPECT_EQ(read->virtual_size(), GetParam().size);
}

TEST_P(Qcow2, qemu_finds_no_fault_and_the_same_disk) {
    if (!support::installed("qemu-img")) GTEST_SKIP() << "qemu-img is not installed";
    const support::TemporaryFolder folder;
    auto disk = GetParam().make();
    formats::FileSink sink(folder / "a.qcow2");
    qcow2_output(Qcow2Layout(disk))->write(sink);
    sink.finish();
    const auto check = support::run("qemu-img check -f qcow2 " + (folder / "a.qcow2").string());
    EXPECT_EQ(check.exit_code, 0) << check.output;
    EXPECT_THAT(check.output, HasSubstr("No errors were found"));
    formats::FileSink raw(folder / "a.raw");
    for (std::uint64_t offset = 0; offset < disk.virtual_size();) {
        const formats::Extent extent = disk.extent_at(offset);
        std::vector<std::byte> bytes(extent.allocated ? extent.length : 0);
        disk.read_at(offset, bytes);
        extent.allocated ? raw.write(bytes) : raw.write_zeroes(extent.length);
        offset += extent.length;
    }
    raw.finish();
    const auto compare = support::run("qemu-img compare -f raw -F qcow2 " + (folder / "a.raw").string() + " " +
                                      (folder / "a.qcow2").string());
    EXPECT_EQ(compare.exit_code, 0) << compare.output;
}

TEST(Qcow2Writer, the_tables_stand_before_all_data_for_one_way_readers) {
    support::MemoryDisk disk(1100 * mib);
    disk.fill(0, 1, 1);
    disk.fill(1099 * mib, 1, 1);
    const Qcow2Layout layout(disk);
    EXPECT_EQ(layout.l2_tables().size(), 2U);
    EXPECT_LT(layout.first_l1(), layout.first_l2());
    EXPECT_EQ(layout.first_data(), layout.first_l2() + 2);
    EXPECT_EQ(layout.clusters(), layout.first_data() + 2);
}

TEST(Qcow2Writer, qcowinfo_reads_the_size) {
    if (!support::installed("qcowinfo")) GTEST_SKIP() << "qcowinfo is not installed (libqcow-utils)";
    const support::TemporaryFolder folder;
    support::MemoryDisk disk(41 * mib + 512);
    disk.fill(5 * mib, 100, 2);
    formats::FileSink sink(folder / "a.qcow2");
    qcow2_output(Qcow2Layout(disk))->write(sink);
    sink.finish();
    const auto info = support::run("qcowinfo " + (folder / "a.qcow2").string());
    EXPECT_EQ(info.exit_code, 0) << info.output;
    EXPECT_THAT(info.output, HasSubstr("(42992128 bytes)"));
}

// Images made by qemu-img: option strings → the same disk read back, byte for byte.
struct Made {
    const char* name;
    const char* options;
};
class Qcow2OfQemu : public testing::TestWithParam<Made> {};
INSTANTIATE_TEST_SUITE_P(
    Options, Qcow2OfQemu,
    testing::Values(Made{"v2", "-o compat=0.10"}, Made{"v3", "-o compat=1.1"}, Made{"small", "-o cluster_size=512"},
                    Made{"large", "-o cluster_size=2M"}, Made{"refcount_1", "-o refcount_bits=1"},
                    Made{"refcount_64", "-o refcount_bits=64"}, Made{"zlib", "-c"},
                    Made{"zstd", "-c -o compression_type=zstd"}, Made{"zlib_large", "-c -o cluster_size=2M"},
                    Made{"zstd_small", "-c -o compression_type=zstd,cluster_size=4k"},
                    Made{"extended", "-o extended_l2=on,cluster_size=128k"},
                    Made{"extended_zlib", "-c -o extended_l2=on,cluster_size=128k"},
                    Made{"preallocated", "-o preallocation=metadata"}, Made{"lazy", "-o lazy_refcounts=on"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST_P(Qcow2OfQemu, reads_the_same_disk) {
    if (!support::installed("qemu-img")) GTEST_SKIP() << "qemu-img is not installed";
    const support::TemporaryFolder folder;
    support::MemoryDisk disk(20 * mib + 512);
    disk.fill(0, 3 * mib, 3);
    for (std::uint64_t i = 0; i < 40; ++i) disk.fill(4 * mib + i * 100'000, 4096, 9);
    disk.fill(20 * mib, 512, 1);
    support::save(folder / "a.raw", support::all_of(disk));
    const auto made = support::run("qemu-img convert -f raw -O qcow2 " + std::string(GetParam().options) + " " +
                                   (folder / "a.raw").string() + " " + (folder / "a.qcow2").string());
    ASSERT_EQ(made.exit_code, 0) << made.output;
    formats::Facts facts;
    const auto read = open_qcow2(formats::open_file(folder / "a.qcow2"), &facts);
    EXPECT_EQ(support::difference(disk, *read), "");
    EXPECT_EQ(check_qcow2(*formats::open_file(folder / "a.qcow2")).errors, std::vector<std::string>{});
}

TEST(Qcow2Reader, internal_snapshots_are_not_looked_at_but_told) {
    if (!support::installed("qemu-img")) GTEST_SKIP() << "qemu-img is not installed";
    const support::TemporaryFolder folder;
    const std::string file = (folder / "a.qcow2").string();
    const auto made =
        support::run("qemu-img create -f qcow2 " + file + " 4M && qemu-io -c 'write -P 1 0 1M' " + file +
                     " && qemu-img snapshot -c one " + file + " && qemu-io -c 'write -P 2 0 64k' " + file);
    ASSERT_EQ(made.exit_code, 0) << made.output;
    formats::Facts facts;
    const auto read = open_qcow2(formats::open_file(file), &facts);
    std::vector<std::byte> bytes(65536 + 1);
    read->read_at(0, bytes);
    EXPECT_EQ(bytes.front(), std::byte{2});
    EXPECT_EQ(bytes.back(), std::byte{1});
    EXPECT_THAT(facts.warnings, testing::ElementsAre(HasSubstr("snapshots")));
    const auto report = check_qcow2(*formats::open_file(file));
    EXPECT_THAT(report.errors, testing::IsEmpty());
    EXPECT_EQ(report.leaked, 0U);
}

TEST(Qcow2Check, a_leak_and_a_missing_refcount_are_found) {
    support::MemoryDisk disk(4 * mib);
    disk.fill(0, 65536 * 3, 1);
    support::MemorySink sink;
    const Qcow2Layout layout(disk);
    qcow2_output(layout)->write(sink);
    auto bytes = sink.bytes;
    bytes[layout.first_refcount_block() * 65536 + layout.first_data() * 2 + 1] = std::byte{0};
    support::MemoryFile missing(bytes);
    EXPECT_THAT(check_qcow2(missing).errors, testing::ElementsAre(HasSubstr("refcount 0, 1 uses")));
    bytes = sink.bytes;
    for (std::size_t i = 0; i < 8; ++i) bytes[layout.first_l2() * 65536 + i] = std::byte{0};
    support::MemoryFile leaked(bytes);
    EXPECT_EQ(check_qcow2(leaked).leaked, 1U);
    EXPECT_THAT(check_qcow2(leaked).errors, testing::IsEmpty());
}

}  // namespace
