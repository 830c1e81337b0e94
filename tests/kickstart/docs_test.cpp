// SPDX-License-Identifier: Apache-2.0
// docs/kickstart.md says of every command what becomes of it. The table is made from the code; with
// XENKILN_UPDATE_DOCS=1 it is written anew.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "kickstart/command_data.hpp"
#include "kickstart/image_use.hpp"

namespace {

constexpr const char* file = XENKILN_SOURCE_DIR "/docs/kickstart.md";
constexpr const char* begin = "<!-- every command: made by tests/kickstart/docs_test.cpp -->\n";
constexpr const char* end = "<!-- end -->\n";

TEST(Docs, the_table_of_commands_is_what_the_code_does) {
    std::ifstream in(file);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    const std::size_t from = text.find(begin), to = text.find(end, from);
    ASSERT_NE(from, std::string::npos);
    ASSERT_NE(to, std::string::npos);
    const std::size_t first = from + std::string(begin).size();
    const std::string table = kickstart::image_use_table();
    if (std::getenv("XENKILN_UPDATE_DOCS")) std::ofstream(file) << text.replace(first, to - first, table);
    EXPECT_EQ(text.substr(first, table.size()), table) << "XENKILN_UPDATE_DOCS=1 writes it anew";
    EXPECT_EQ(text.substr(first + table.size(), std::string(end).size()), end);
}

TEST(Docs, every_command_has_been_thought_of) {
    const std::string_view unthought = kickstart::ImageUse{}.why;
    for (const auto& entries : {kickstart::command_entries(), kickstart::section_entries()})
        for (const kickstart::CommandEntry& entry : entries) {
            EXPECT_NE(kickstart::image_use(entry.name).why, unthought) << entry.name;
            EXPECT_FALSE(kickstart::image_use(entry.name).why.empty()) << entry.name;
        }
}

}  // namespace
