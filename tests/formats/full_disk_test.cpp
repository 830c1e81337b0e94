// SPDX-License-Identifier: Apache-2.0
// Every way in which this floor writes a file, into a disk that is full before the file is: an error that says so, and
// nothing half written left.
#include <gtest/gtest.h>

#include "formats/base/whole_file.hpp"
#include "formats/stream/output_file.hpp"
#include "formats/stream/sinks.hpp"
#include "tests/support/small_disk.hpp"

namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t disk_size = 256 << 10;

void write_too_much(formats::ByteSink& sink) {
    const std::string part(64 << 10, 'x');
    for (int i = 0; i < 8; ++i) sink.write(std::as_bytes(std::span(part)));
    sink.finish();
}

struct Writer {
    const char* name;
    void (*write)(const fs::path& file);
};

class FullDisk : public testing::TestWithParam<Writer> {};

TEST_P(FullDisk, is_an_error_and_leaves_nothing_of_the_file) {
    const std::string why_not = support::on_a_small_disk(disk_size, [](const fs::path& folder) {
        EXPECT_EQ(support::error_of([&] { GetParam().write(folder / "file"); }), ENOSPC);
        EXPECT_EQ(support::entries(folder), 0U);
    });
    if (!why_not.empty()) GTEST_SKIP() << why_not;
}

TEST_P(FullDisk, that_has_a_file_of_the_name_keeps_it_as_it_was) {
    const std::string why_not = support::on_a_small_disk(disk_size, [](const fs::path& folder) {
        formats::write_whole_file(folder / "file", "old");
        EXPECT_NE(support::error_of([&] { GetParam().write(folder / "file"); }), 0);
        EXPECT_EQ(formats::read_whole_file(folder / "file"), "old");
        EXPECT_EQ(support::entries(folder), 1U);
    });
    if (!why_not.empty()) GTEST_SKIP() << why_not;
}

INSTANTIATE_TEST_SUITE_P(Writers, FullDisk,
                         testing::Values(Writer{"write_whole_file",
                                                [](const fs::path& file) {
                                                    formats::write_whole_file(file, std::string(512 << 10, 'x'));
                                                }},
                                         Writer{"FileSink",
                                                [](const fs::path& file) {
                                                    formats::FileSink sink(file);
                                                    write_too_much(sink);
                                                }},
                                         Writer{"OutputFile",
                                                [](const fs::path& file) {
                                                    formats::OutputFile sink(file, {});
                                                    write_too_much(sink);
                                                }},
                                         Writer{"OutputFile_that_replaces",
                                                [](const fs::path& file) {
                                                    formats::OutputFile sink(file, {.replace = true, .sync = true});
                                                    write_too_much(sink);
                                                }}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
