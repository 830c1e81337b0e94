// SPDX-License-Identifier: Apache-2.0
#include "formats/vhd/vhd.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/base/errors.hpp"
#include "formats/disk/file_disk.hpp"
#include "formats/stream/sinks.hpp"
#include "formats/vhd/vhd_structs.hpp"
#include "tests/support/judges.hpp"
#include "tests/support/test_disks.hpp"

namespace {

using formats::vhd::check_vhd;
using formats::vhd::Kind;
using formats::vhd::open_vhd;
using formats::vhd::VhdLayout;
using formats::vhd::VhdOptions;
using support::mib;
using testing::HasSubstr;

VhdOptions options_of(Kind kind) {
    VhdOptions options;
    options.kind = kind;
    return options;
}

std::shared_ptr<support::SparseFile> image_of(formats::BlockSource& disk, Kind kind) {
    auto file = std::make_shared<support::SparseFile>();
    const VhdLayout layout(disk, options_of(kind));
    vhd_output(layout)->write(*file);
    EXPECT_EQ(file->virtual_size(), layout.file_size());
    return file;
}

class Vhd : public testing::TestWithParam<support::TestDisk> {};
INSTANTIATE_TEST_SUITE_P(Disks, Vhd, testing::ValuesIn(support::test_disks()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(Vhd, the_disk_comes_back) {
    auto disk = GetParam().make();
    for (const Kind kind : {Kind::dynamic, Kind::fixed}) {
        const auto read = open_vhd(image_of(disk, kind));
        EXPECT_EQ(support::difference(disk, *read), "");
        EXPECT_EQ(read->virtual_size(),
                  kind == Kind::dynamic ? GetParam().size : (GetParam().size + mib - 1) / mib * mib);
        EXPECT_THAT(check_vhd(*image_of(disk, kind)), testing::IsEmpty());
    }
}

TEST_P(Vhd, qemu_sees_the_same_disk_of_the_exact_size) {
    if (!support::installed("qemu-img")) GTEST_SKIP() << "qemu-img is not installed";
    const support::TemporaryFolder folder;
    auto disk = GetParam().make();
    for (const Kind kind : {Kind::dynamic, Kind::fixed}) {
        const std::string file = (folder / (kind == Kind::fixed ? "f.vhd" : "d.vhd")).string();
        formats::FileSink sink(file);
        const VhdLayout layout(disk, options_of(kind));
        vhd_output(layout)->write(sink);
        sink.finish();
        const auto info = support::run("qemu-img info -f vpc --output=json " + file);
        EXPECT_THAT(info.output, HasSubstr("\"virtual-size\": " + std::to_string(layout.virtual_size())));
        const auto convert = support::run("qemu-img convert -f vpc -O raw " + file + " " + file + ".raw");
        EXPECT_EQ(convert.exit_code, 0) << convert.output;
        EXPECT_EQ(support::difference(disk, *formats::open_file(file + ".raw")), "");
    }
}

TEST(VhdWriter, vhdiinfo_reads_the_size) {
    if (!support::installed("vhdiinfo")) GTEST_SKIP() << "vhdiinfo is not installed (libvhdi-utils)";
    const support::TemporaryFolder folder;
    support::MemoryDisk disk(41 * mib + 512);
    disk.fill(5 * mib, 100, 2);
    for (const Kind kind : {Kind::dynamic, Kind::fixed}) {
        const std::string file = (folder / (kind == Kind::fixed ? "f.vhd" : "d.vhd")).string();
        formats::FileSink sink(file);
        vhd_output(VhdLayout(disk, options_of(kind)))->write(sink);
        sink.finish();
        const auto info = support::run("vhdiinfo " + file);
        EXPECT_EQ(info.exit_code, 0) << info.output;
        EXPECT_THAT(info.output, HasSubstr(kind == Kind::fixed ? "(44040192 bytes)" : "(42992128 bytes)"));
    }
}

TEST(VhdWriter, geometries_are_those_of_the_specification) {
    const auto triple = [](std::uint64_t bytes) {
        const auto geometry = formats::vhd::geometry_of(bytes);
        return std::vector<int>{geometry.cylinders, geometry.heads, geometry.sectors_per_track};
    };
    EXPECT_EQ(triple(40 * mib), (std::vector{963, 5, 17}));
    EXPECT_EQ(triple(100 * mib), (std::vector{1003, 12, 17}));
    EXPECT_EQ(triple(1000 * mib), (std::vector{2031, 16, 63}));
    EXPECT_EQ(triple(std::uint64_t{128} << 30), (std::vector{65535, 16, 255}));
    EXPECT_EQ(triple(std::uint64_t{2040} << 30), (std::vector{65535, 16, 255}));
}

TEST(VhdWriter, bits_behind_the_end_of_the_disk_are_clear) {
    support::MemoryDisk disk(2 * mib + 1024);
    disk.fill(2 * mib, 1024, 1);
    const VhdLayout layout(disk, {});
    support::MemorySink sink;
    vhd_output(layout)->write(sink);
    const std::size_t bitmap = layout.first_block_offset();
    EXPECT_EQ(sink.bytes[bitmap], std::byte{0xc0});
    EXPECT_EQ(sink.bytes[bitmap + 1], std::byte{0});
}

TEST(VhdWriter, a_disk_over_2040_gib_is_refused_with_both_numbers) {
    support::MemoryDisk disk((std::uint64_t{2040} << 30) + 512);
    try {
        VhdLayout(disk, {});
        FAIL();
    } catch (const std::invalid_argument& error) {
        EXPECT_THAT(error.what(), HasSubstr("2190433321472"));
        EXPECT_THAT(error.what(), HasSubstr("2190433320960"));
    }
}

TEST(VhdReader, reads_what_qemu_writes) {
    if (!support::installed("qemu-img")) GTEST_SKIP() << "qemu-img is not installed";
    const support::TemporaryFolder folder;
    support::MemoryDisk disk(20 * mib);
    disk.fill(3 * mib - 512, 4096, 3);
    disk.fill(19 * mib, mib, 3);
    support::save(folder / "a.raw", support::all_of(disk));
    for (const char* options : {"subformat=dynamic", "subformat=fixed", "subformat=dynamic,force_size=on"}) {
        const auto made = support::run("qemu-img convert -f raw -O vpc -o " + std::string(options) + " " +
                                       (folder / "a.raw").string() + " " + (folder / "a.vhd").string());
        ASSERT_EQ(made.exit_code, 0) << made.output;
        const auto read = open_vhd(formats::open_file(folder / "a.vhd"));
        EXPECT_EQ(support::difference(disk, *read), "") << options;
        const auto info = support::run("qemu-img info -f vpc --output=json " + (folder / "a.vhd").string());
        EXPECT_THAT(info.output, HasSubstr("\"virtual-size\": " + std::to_string(read->virtual_size()))) << options;
    }
}

TEST(VhdReader, the_disks_of_hyper_v_and_virtual_pc) {
    const char* shared = std::getenv("XENKILN_SHARED");
    const std::filesystem::path folder =
        (shared ? std::filesystem::path(shared) : std::filesystem::path(XENKILN_SOURCE_DIR) / "../shared") /
        "formats/samples";
    if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not there";
    const support::TemporaryFolder mine;
    const std::pair<const char*, std::uint64_t> samples[] = {{"hyperv2012r2-dynamic.vhd", 136365211648},
                                                             {"virtualpc-dynamic.vhd", 136363130880}};
    for (const auto& [name, size] : samples) {
        ASSERT_EQ(support::run("bunzip2 -c " + (folder / name).string() + ".bz2 > " + (mine / name).string()).exit_code,
                  0);
        const auto disk = open_vhd(formats::open_file(mine / name));
        EXPECT_EQ(disk->virtual_size(), size) << name;
        support::MemoryDisk empty(size);
        EXPECT_EQ(support::difference(empty, *disk), "") << name;
    }
}

}  // namespace
