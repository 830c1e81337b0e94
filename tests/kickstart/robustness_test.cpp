// SPDX-License-Identifier: Apache-2.0
// Text nobody would write: a diagnostic each, in bounded time and memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "kickstart/bundle.hpp"
#include "kickstart/json.hpp"
#include "kickstart/lint.hpp"
#include "kickstart/render.hpp"

namespace {

using testing::HasSubstr;

// Any file is there, and made up when it is asked for.
class EndlessBundle : public kickstart::Bundle {
public:
    explicit EndlessBundle(std::string (*make)(const std::string& path)) : make_(make) {}
    std::optional<std::string> read(const std::string& path) const override { return make_(path); }

private:
    std::string (*make_)(const std::string& path);
};

std::string errors(const kickstart::ParseResult& result) {
    std::string text;
    for (const auto& d : result.diagnostics)
        if (d.severity == kickstart::Severity::error) text += std::to_string(d.line) + ": " + d.message + "\n";
    return text;
}

kickstart::ParseResult followed(const std::string& text, std::string (*make)(const std::string& path)) {
    const EndlessBundle bundle(make);
    kickstart::ParseOptions options;
    options.bundle = &bundle;
    options.file = "top.ks";
    return kickstart::parse(text, options);
}

TEST(Robustness, a_line_of_100_mb_is_one_diagnostic) {
    const auto result = kickstart::parse(std::string(100'000'000, 'x'));
    ASSERT_EQ(result.diagnostics.size(), 1U);
    EXPECT_LT(result.diagnostics[0].message.size(), 1000U);
}

TEST(Robustness, a_long_line_is_quoted_in_part_wherever_it_stands) {
    for (const std::string& begin : {std::string("lang "), std::string("bootloader --append="),
                                     std::string("part / --"), std::string("%packages\n"), std::string("rootpw '")}) {
        const auto result = kickstart::parse(begin + std::string(5'000'000, 'x'));
        for (const auto& d : result.diagnostics) EXPECT_LT(d.message.size(), 1000U) << begin;
        EXPECT_EQ(result.ok(), begin.starts_with("lang") || begin.starts_with("boot")) << begin;
    }
}

TEST(Robustness, a_hundred_thousand_words_are_counted_not_quoted) {
    std::string line = "lang";
    for (int i = 0; i < 100'000; ++i) line += " word";
    const std::string said = errors(kickstart::parse(line, {"RHEL9"}));
    EXPECT_THAT(said, HasSubstr("…"));
    EXPECT_LT(said.size(), 1000U);
}

TEST(Robustness, ten_thousand_nested_includes_end_with_a_diagnostic) {
    const auto deeper = followed("%include 0.ks\n", [](const std::string& path) {
        return "%include " + std::to_string(std::stoi(path) + 1) + ".ks\n";
    });
    EXPECT_THAT(errors(deeper), HasSubstr("more than 100 deep"));
}

TEST(Robustness, includes_that_double_at_every_step_end_with_a_diagnostic) {
    const auto bomb = followed("%include 0.ks\n", [](const std::string& path) {
        const std::string next = std::to_string(std::stoi(path) + 1);
        return "%include " + next + ".ks\n%include " + next + ".ks\n";
    });
    EXPECT_THAT(errors(bomb), HasSubstr("more than 10000 includes"));
}

TEST(Robustness, includes_larger_than_the_limit_end_with_a_diagnostic) {
    std::string text;
    for (int i = 0; i < 10; ++i) text += "%include " + std::to_string(i) + ".ks\n";
    const auto large = followed(text, [](const std::string&) { return std::string(10'000'000, '#') + "\n"; });
    EXPECT_THAT(errors(large), HasSubstr("have more than 67108864 bytes"));
}

TEST(Robustness, an_include_of_itself_names_the_circle) {
    const auto circle = followed("%include a/b.ks\n", [](const std::string& path) {
        return std::string(path == "a/b.ks" ? "lang C\n%include ../top.ks\n" : "");
    });
    EXPECT_THAT(errors(circle), HasSubstr("includes itself: top.ks → a/b.ks → top.ks"));
}

TEST(Robustness, every_byte_value_is_read_to_its_end) {
    std::string all;
    for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
    const std::string level = "RHEL9";
    for (const std::string& text :
         std::vector<std::string>{all, all + "\n%post\n" + all + "\n%end\n", "rootpw \"" + all + "\"\n",
                                  "%packages\n" + all + "\n%end\n", "lang \xc3", "lang \xff\n"}) {
        const auto result = kickstart::parse(text, {level});
        EXPECT_FALSE(result.ok());
        EXPECT_TRUE(to_json(result).ends_with("\n"));
        EXPECT_FALSE(lint_text(kickstart::lint(text, "x.ks")).empty());
    }
}

TEST(Robustness, each_single_character_is_survived) {
    for (const std::string& around :
         {std::string(), std::string("%post\n"), std::string("%packages\n"), std::string("user --name=")})
        for (int i = 1; i < 128; ++i) {
            const std::string text = around + static_cast<char>(i);
            const auto result = kickstart::parse(text);
            kickstart::parse(render(result.recipe));
            kickstart::lint_sarif({kickstart::lint(text, "x.ks")});
        }
}

TEST(Robustness, a_terminal_sequence_in_a_file_does_not_reach_the_terminal) {
    const std::string said = lint_text(kickstart::lint("lang \x1b]0;owned\x07 b c\nnosuch\x1b[2J\n", "a\x1b[31m.ks"));
    EXPECT_EQ(said.find('\x1b'), std::string::npos) << said;
}

TEST(Robustness, a_megabyte_of_mistakes_is_linted_in_seconds) {
    std::string text;
    while (text.size() < 1'000'000) text += "lnag en --x \"\n'\nbootloader --locatoin=mbr\n%post\n%edn\n%end\n";
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_FALSE(kickstart::lint(text, "x.ks").findings.empty());
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
}

TEST(Robustness, packages_named_as_the_end_of_their_section_render_to_text_that_reads_the_same) {
    for (const char* level : {"RHEL5", "RHEL9", "kickseed"}) {
        const auto first = kickstart::parse("%packages\nfoo\n%end#\n%post# x\n%end\n", {level});
        if (!first.ok()) continue;  // some installers take %post# for a section
        const std::string rendered = render(first.recipe);
        const auto second = kickstart::parse(rendered);
        ASSERT_TRUE(second.ok()) << level << ": " << errors(second) << rendered;
        EXPECT_EQ(second.recipe.packages->packages, first.recipe.packages->packages) << level;
        EXPECT_EQ(render(second.recipe), rendered);
    }
    const auto one = kickstart::parse("%packages\n%end#\n%end\n", {"RHEL9"});
    ASSERT_TRUE(one.ok()) << errors(one);
    EXPECT_THAT(one.recipe.packages->packages, testing::ElementsAre("%end"));
}

}  // namespace
