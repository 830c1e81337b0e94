// SPDX-License-Identifier: Apache-2.0
// A text that is nothing but mistakes is not read to its end.
#include <gmock/gmock.h>

#include "kickstart/parser.hpp"

namespace {

std::string many(const std::string& line, int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += line;
    return text;
}

TEST(Limits, after_two_thousand_mistakes_the_rest_is_not_read) {
    const auto result = kickstart::parse(many("nosuch\n", 5000) + "lang C\n", {"RHEL9"});
    ASSERT_EQ(result.diagnostics.size(), 2001U);
    EXPECT_THAT(result.diagnostics.back().message, testing::HasSubstr("2000 errors and warnings above"));
    EXPECT_EQ(result.diagnostics.back().line, 2001);
    EXPECT_FALSE(result.recipe.lang);
}

TEST(Limits, a_file_with_fewer_is_read_to_its_end) {
    const auto result = kickstart::parse(many("nosuch\n", 1999) + "lang C\n", {"RHEL9"});
    EXPECT_EQ(result.diagnostics.size(), 1999U);
    EXPECT_TRUE(result.recipe.lang);
    EXPECT_EQ(kickstart::parse(many("nosuch\n", 2000), {"RHEL9"}).diagnostics.size(), 2000U);
}

TEST(Limits, lines_of_nul_bytes_are_counted_only_so_far) {
    const auto result = kickstart::parse(many(std::string("\0\n", 2), 100000), {"RHEL9"});
    EXPECT_EQ(result.diagnostics.size(), 2002U);  // they, the first line as a command, and that it ends here
    EXPECT_FALSE(result.ok());
}

}  // namespace
