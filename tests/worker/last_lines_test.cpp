// SPDX-License-Identifier: Apache-2.0
#include "worker/last_lines.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/judges.hpp"

namespace worker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LastLines : public ::testing::Test {
protected:
    std::filesystem::path log_of(const std::string& text) const {
        std::ofstream(folder_ / "log", std::ios::binary) << text;
        return folder_ / "log";
    }

private:
    support::TemporaryFolder folder_;
};

TEST_F(LastLines, of_a_short_log_are_all_of_them) {
    EXPECT_THAT(last_lines(log_of("one\n\nthree"), 40), ElementsAre("one", "", "three"));
    EXPECT_THAT(last_lines(log_of(""), 40), IsEmpty());
    EXPECT_THAT(last_lines("/nonexistent/log", 40), IsEmpty());
}

TEST_F(LastLines, are_as_many_as_asked_for) {
    std::string text;
    for (int line = 0; line < 100; ++line) text += "line " + std::to_string(line) + "\n";
    EXPECT_THAT(last_lines(log_of(text), 3), ElementsAre("line 97", "line 98", "line 99"));
    EXPECT_EQ(last_lines(log_of(text)).size(), 40U);
}

TEST_F(LastLines, of_a_huge_log_begin_with_a_whole_line) {
    const std::string text = std::string(std::size_t{300} << 10, 'x') + "\nsecond\nthird\n";
    EXPECT_THAT(last_lines(log_of(text), 40), ElementsAre("second", "third"));
    EXPECT_THAT(last_lines(log_of(std::string(std::size_t{1} << 20, 'x')), 40), IsEmpty());
}

}  // namespace
}  // namespace worker
