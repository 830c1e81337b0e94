// SPDX-License-Identifier: Apache-2.0
#include "formats/stream/output_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "formats/image/open_image.hpp"
#include "formats/image/plan_output.hpp"
#include "tests/support/judges.hpp"
#include "tests/support/test_disks.hpp"

namespace {

namespace fs = std::filesystem;
using formats::OutputFile;
using support::mib;

void convert(const fs::path& from, const std::string& kind, const fs::path& to) {
    formats::OpenedImage image = formats::open_image(from);
    OutputFile file(to, {});
    formats::plan_output(*formats::output_kind_from(kind), {image.disks[0].source.get()}, {})->write(file);
    file.finish();
}

TEST(OutputFile, nothing_is_there_before_the_end_and_nothing_stays_of_a_failure) {
    const support::TemporaryFolder folder;
    {
        OutputFile file(folder / "a", {});
        file.write(std::vector<std::byte>(10));
        EXPECT_TRUE(fs::is_empty(folder.path()));
    }
    EXPECT_TRUE(fs::is_empty(folder.path()));
    OutputFile file(folder / "a", {});
    file.write(std::vector<std::byte>(10));
    file.finish();
    EXPECT_EQ(fs::file_size(folder / "a"), 10U);
}

TEST(OutputFile, an_existing_file_is_kept_unless_it_is_to_be_replaced) {
    const support::TemporaryFolder folder;
    support::save(folder / "a", support::bytes_of("old"));
    EXPECT_THROW(OutputFile(folder / "a", {}), std::system_error);
    {
        OutputFile file(folder / "a", {true, false});
        file.write(support::bytes_of("failed"));
    }
    EXPECT_EQ(support::load(folder / "a"), support::bytes_of("old"));
    OutputFile file(folder / "a", {true, true});
    file.write(support::bytes_of("new"));
    file.finish();
    EXPECT_EQ(support::load(folder / "a"), support::bytes_of("new"));
    EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST(OutputFile, zeroes_are_holes) {
    const support::TemporaryFolder folder;
    OutputFile file(folder / "a", {});
    file.write_zeroes(50 * mib);
    file.write(support::bytes_of("x"));
    file.write_zeroes(50 * mib);
    file.finish();
    struct stat status {};
    ASSERT_EQ(::stat((folder / "a").c_str(), &status), 0);
    EXPECT_EQ(status.st_size, static_cast<off_t>(100 * mib + 1));
    EXPECT_LT(status.st_blocks * 512, static_cast<off_t>(mib));
}

TEST(OutputFile, conversions_of_files_by_parallel_copies_are_right) {
    const support::TemporaryFolder folder;
    support::MemoryDisk disk(70 * mib + 512);
    disk.fill(0, 9 * mib, 3);
    for (std::uint64_t i = 0; i < 100; ++i) disk.fill(12 * mib + i * 100'000, 4096, 9);
    disk.fill(69 * mib, mib + 512, 1);
    {
        OutputFile file(folder / "a.raw", {});
        formats::plan_output({formats::Format::raw}, {&disk}, {})->write(file);
        file.finish();
    }
    const std::pair<const char*, const char*> steps[] = {{"a.raw", "b.qcow2"}, {"b.qcow2", "c.vhd"},
                                                         {"c.vhd", "d.raw"},   {"d.raw", "e.vhd"},
                                                         {"e.vhd", "f.qcow2"}, {"f.qcow2", "g.raw"}};
    for (const auto& [from, to] : steps) {
        convert(folder / from, std::string(to).substr(2), folder / to);
        EXPECT_EQ(support::difference(disk, *formats::open_image(folder / to).disks[0].source), "") << to;
    }
}

TEST(OutputFile, a_source_that_ends_too_early_fails_the_conversion) {
    const support::TemporaryFolder folder;
    support::save(folder / "a.raw", std::vector<std::byte>(8 * mib, std::byte{1}));
    formats::OpenedImage image = formats::open_image(folder / "a.raw");
    fs::resize_file(folder / "a.raw", mib);
    OutputFile file(folder / "b.raw", {});
    EXPECT_THROW(
        {
            formats::plan_output({formats::Format::raw}, {image.disks[0].source.get()}, {})->write(file);
            file.finish();
        },
        std::system_error);
    EXPECT_FALSE(fs::exists(folder / "b.raw"));
}

TEST(DeviceSink, what_is_no_block_device_is_refused) {
    const support::TemporaryFolder folder;
    support::save(folder / "a", support::bytes_of("x"));
    EXPECT_THROW(formats::open_device_sink(folder / "a", 1), std::system_error);
}

}  // namespace
