// SPDX-License-Identifier: Apache-2.0
#include "builders/packages/apt_sources.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace {

using namespace builders::packages;

TEST(AptSources, both_styles_are_read_and_credentials_left_out) {
    const auto old = parse_one_line(
        "# deb http://x/debian bookworm main\n"
        "deb [arch=amd64 signed-by=/k.gpg] http://u:p@m.example/debian bookworm main contrib # c\n"
        "deb-src http://m.example/debian bookworm main\n");
    ASSERT_EQ(old.size(), 1U);
    EXPECT_EQ(old[0].line(), "deb [signed-by=/k.gpg] http://m.example/debian bookworm main contrib");
    const auto modern = parse_deb822(
        "Types: deb deb-src\nURIs: http://m.example/debian\n# comment\nSuites: bookworm bookworm-updates\n"
        "Components: main\n non-free\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n"
        "Types: deb\nEnabled: no\nURIs: http://off/debian\nSuites: bookworm\n");
    ASSERT_EQ(modern.size(), 2U);
    EXPECT_EQ(modern[1].suite, "bookworm-updates");
    EXPECT_EQ(modern[0].components, (std::vector<std::string>{"main", "non-free"}));
}

TEST(AptSources, other_vendors_are_skipped) {
    const auto folder = std::filesystem::temp_directory_path() / ("apt_sources." + std::to_string(getpid()));
    std::filesystem::create_directories(folder / "sources.list.d");
    std::ofstream(folder / "sources.list") << "deb http://m.example/debian bookworm main\n";
    std::ofstream(folder / "sources.list.d/vendor.list") << "deb https://vendor.example/apt stable main\n"
                                                            "deb https://vendor.example/node nodistro main\n";
    std::ofstream(folder / "sources.list.d/x.sources")
        << "Types: deb\nURIs: https://vendor.example/repo\nSuites: nodistro\nComponents: main\n";
    std::ofstream(folder / "sources.list.d/y.list.save") << "deb http://old.example/debian bookworm main\n";
    const auto found = debian_sources(folder);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].uri, "http://m.example/debian");
    std::filesystem::remove_all(folder);
}

}  // namespace
