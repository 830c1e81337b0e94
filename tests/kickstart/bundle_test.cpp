// SPDX-License-Identifier: Apache-2.0
#include "kickstart/bundle.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "kickstart/json.hpp"
#include "kickstart/parser.hpp"

namespace {

namespace fs = std::filesystem;
using kickstart::path_in_bundle;
using testing::ElementsAre;
using testing::HasSubstr;

class Folder : public testing::Test {
protected:
    Folder() : top_(fs::temp_directory_path() / ("kickstart-bundle-" + std::to_string(::getpid()))) {
        fs::create_directories(top_ / "bundle/sub");
    }
    ~Folder() override { fs::remove_all(top_); }

    void write(const std::string& name, const std::string& text) { std::ofstream(top_ / name) << text; }

    kickstart::ParseResult parse(const std::string& text, const std::string& file = "top.ks") {
        const kickstart::FolderBundle bundle((top_ / "bundle").string());
        kickstart::ParseOptions options{"RHEL9"};
        options.bundle = &bundle;
        options.file = file;
        return kickstart::parse(text, options);
    }
    std::vector<std::string> errors(const std::string& text, const std::string& file = "top.ks") {
        std::vector<std::string> found;
        const auto result = parse(text, file);
        for (const auto& d : result.diagnostics)
            if (d.severity == kickstart::Severity::error) {
                const auto place = result.recipe.sources.place(d.line);
                found.push_back(result.recipe.sources.files.at(static_cast<std::size_t>(place.file)) + ":" +
                                std::to_string(place.line) + ": " + d.message);
            }
        return found;
    }

    fs::path top_;
};

TEST(PathInBundle, never_leaves_it) {
    EXPECT_EQ(path_in_bundle("a/./b//../c.ks"), "a/c.ks");
    EXPECT_EQ(path_in_bundle("../a"), std::nullopt);
    EXPECT_EQ(path_in_bundle("a/../../b"), std::nullopt);
    EXPECT_EQ(path_in_bundle("/etc/passwd"), std::nullopt);
    EXPECT_EQ(path_in_bundle("http://x/y"), std::nullopt);
    EXPECT_EQ(path_in_bundle(""), std::nullopt);
}

TEST_F(Folder, includes_are_relative_to_the_file_that_includes) {
    write("bundle/sub/a.ks", "lang en_US\n%include b.ks\n%include ../c.ks");
    write("bundle/sub/b.ks", "keyboard us\n");
    write("bundle/c.ks", "timezone UTC");
    const auto result = parse("text\n%include sub/a.ks\nrootpw --lock\n");
    EXPECT_TRUE(result.ok());
    const std::string json = to_json(result);
    EXPECT_THAT(json, HasSubstr(R"({"line":1,"name":"text")"));
    EXPECT_THAT(json, HasSubstr(R"({"line":1,"file":"sub/b.ks","name":"keyboard")"));
    EXPECT_THAT(json, HasSubstr(R"({"line":1,"file":"c.ks","name":"timezone")"));
    EXPECT_THAT(json, HasSubstr(R"({"line":3,"name":"rootpw")"));
    EXPECT_TRUE(result.recipe.includes.empty());
}

TEST_F(Folder, sections_and_scripts_take_included_lines) {
    write("bundle/p.ks", "vim\n");
    write("bundle/s.sh", "echo included\n");
    const auto recipe = parse("%packages\n%include p.ks\n%end\n%post\na\n%include s.sh\nb\n%end\n").recipe;
    EXPECT_THAT(recipe.packages->packages, ElementsAre("vim"));
    EXPECT_EQ(recipe.scripts.at(0).body, "a\necho included\nb\n");
}

TEST_F(Folder, ksappend_is_put_in_before_anything_else) {
    write("bundle/p.ks", "lang en_US\n");
    EXPECT_EQ(parse("%ksappend p.ks\n").recipe.lang->lang, "en_US");
}

TEST_F(Folder, an_absent_file_is_named_with_the_line_that_includes_it) {
    write("bundle/sub/a.ks", "\n%include none.ks\n");
    EXPECT_THAT(
        errors("lang C\n%include sub/a.ks\n"),
        ElementsAre("sub/a.ks:2: %include none.ks: there is no file sub/none.ks in the bundle; sub/a.ks includes "
                    "it in line 2"));
}

TEST_F(Folder, errors_of_included_files_carry_their_own_line_and_file) {
    write("bundle/a.ks", "lang C\nnosuch\n%post\necho\n");
    EXPECT_THAT(errors("text\n%include a.ks\n"),
                ElementsAre(HasSubstr("a.ks:2: Unknown command: nosuch"),
                            HasSubstr("a.ks:4: Section %post does not end with %end. It begins in line 3 of a.ks")));
}

TEST_F(Folder, nothing_outside_is_read) {
    write("secret.ks", "lang secret\n");
    fs::create_symlink(top_ / "secret.ks", top_ / "bundle/link.ks");
    fs::create_symlink("..", top_ / "bundle/up");
    fs::create_symlink("inner.ks", top_ / "bundle/inner-link.ks");
    write("bundle/inner.ks", "lang inner\n");
    const auto said =
        errors("%include ../secret.ks\n%include sub/../../secret.ks\n%include " + (top_ / "secret.ks").string() +
               "\n%include link.ks\n%include up/secret.ks\n%include http://x/y.ks\n%include sub\n");
    ASSERT_EQ(said.size(), 7U);
    EXPECT_THAT(said[0], HasSubstr("leads out of the bundle"));
    EXPECT_THAT(said[1], HasSubstr("leads out of the bundle"));
    EXPECT_TRUE(said[2].find("absolute path") != std::string::npos || said[2].find("%pre") != std::string::npos);
    EXPECT_THAT(said[3], HasSubstr("a link that leads out"));
    EXPECT_THAT(said[4], HasSubstr("a link that leads out"));
    EXPECT_THAT(said[5], HasSubstr("is an address"));
    EXPECT_THAT(said[6], HasSubstr("is not a regular file"));
    EXPECT_EQ(parse("%include inner-link.ks\n").recipe.lang->lang, "inner");
}

TEST_F(Folder, a_fifo_or_a_device_is_not_opened) {
    ASSERT_EQ(::mkfifo((top_ / "bundle/pipe.ks").c_str(), 0600), 0);
    EXPECT_THAT(errors("%include pipe.ks\n"), ElementsAre(HasSubstr("is not a regular file")));
}

TEST(FolderBundle, must_be_a_folder) {
    EXPECT_THROW(kickstart::FolderBundle("/nonexistent/folder"), std::runtime_error);
}

std::string tar_member(const std::string& name, const std::string& data, char type = '0') {
    std::string header(512, '\0');
    std::memcpy(header.data(), name.data(), std::min<std::size_t>(name.size(), 100));
    std::snprintf(header.data() + 124, 12, "%011zo", data.size());
    header[156] = type;
    std::memset(header.data() + 148, ' ', 8);
    unsigned sum = 0;
    for (const unsigned char c : header) sum += c;
    std::snprintf(header.data() + 148, 8, "%06o", sum);
    return header + data + std::string((512 - data.size() % 512) % 512, '\0');
}

TEST(TarBundle, gives_regular_files_by_their_clean_names) {
    const std::string longer(150, 'n');
    const kickstart::TarBundle tar(tar_member("./a.ks", "A") + tar_member("sub/", "", '5') +
                                   tar_member("sub/b.ks", "B") + tar_member("l", "a.ks", '2') +
                                   tar_member("@LongLink", longer, 'L') + tar_member("nnn", "C") +
                                   tar_member("pax", "17 path=named.ks\n", 'x') + tar_member("x", "D") +
                                   tar_member("../out.ks", "E") + std::string(1024, '\0'));
    EXPECT_EQ(tar.read("a.ks"), "A");
    EXPECT_EQ(tar.read("sub/b.ks"), "B");
    EXPECT_EQ(tar.read(longer), "C");
    EXPECT_EQ(tar.read("named.ks"), "D");
    EXPECT_EQ(tar.read("l"), std::nullopt);
    EXPECT_EQ(tar.read("out.ks"), std::nullopt);
    EXPECT_EQ(tar.read("../out.ks"), std::nullopt);
}

TEST(TarBundle, damage_is_named) {
    const std::string good = tar_member("a.ks", "A");
    std::string wrong_sum = good, wrong_size = good;
    wrong_sum[0] = 'b';
    EXPECT_THROW(kickstart::TarBundle{wrong_sum}, std::runtime_error);
    EXPECT_THROW(kickstart::TarBundle{good.substr(0, 512)}, std::runtime_error);
    EXPECT_THROW(kickstart::TarBundle{"no tar at all"}, std::runtime_error);
    EXPECT_THROW(kickstart::TarBundle{""}, std::runtime_error);
}

}  // namespace
