// SPDX-License-Identifier: Apache-2.0
#include "formats/base/whole_file.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdlib>
#include <system_error>

namespace formats {
namespace {

namespace fs = std::filesystem;

class WholeFile : public testing::Test {
protected:
    WholeFile() {
        std::string pattern = testing::TempDir() + "whole_file_XXXXXX";
        folder_ = ::mkdtemp(pattern.data());
    }
    ~WholeFile() override { fs::remove_all(folder_); }
    fs::path folder_;
};

TEST_F(WholeFile, IsReadAsItWasWrittenAndReplaced) {
    const std::string text("a\0b\n", 4);
    write_whole_file(folder_ / "x", "old");
    write_whole_file(folder_ / "x", text, 0600);
    EXPECT_EQ(read_whole_file(folder_ / "x"), text);
    struct stat status {};
    ASSERT_EQ(::stat((folder_ / "x").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1);
}

TEST_F(WholeFile, TooLargeToBeReadIsSaidWithTheNumber) {
    write_whole_file(folder_ / "x", "12345");
    EXPECT_EQ(read_whole_file(folder_ / "x", 5), "12345");
    EXPECT_THAT([&] { read_whole_file(folder_ / "x", 4); },
                testing::ThrowsMessage<std::system_error>(testing::HasSubstr("may have 4 bytes")));
}

TEST_F(WholeFile, AWriteThatFailsLeavesTheOldFileAndNoOther) {
    write_whole_file(folder_ / "x", "old");
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{4096, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    EXPECT_THROW(write_whole_file(folder_ / "x", std::string(8192, 'x')), std::system_error);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    std::signal(SIGXFSZ, handler);
    EXPECT_EQ(read_whole_file(folder_ / "x"), "old");
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1);
}

}  // namespace
}  // namespace formats
