// SPDX-License-Identifier: Apache-2.0
#include "kickstart/lint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kickstart/bundle.hpp"
#include "kickstart/image_use.hpp"
#include "kickstart/levels.hpp"
#include "kickstart/render.hpp"
#include "kickstart/secrets.hpp"

namespace {

using kickstart::lint;
using kickstart::lint_json;
using kickstart::lint_sarif;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

kickstart::LintOptions at(const std::string& level) {
    kickstart::LintOptions options;
    options.parse.version = level;
    return options;
}

TEST(LintText, shows_the_line_with_a_caret_under_the_word) {
    const std::string said = lint_text(lint("lang C\n\tbootloader --locatoin=mbr x\n", "a.ks", at("RHEL9")));
    EXPECT_THAT(said, HasSubstr("a.ks:2:13: error: bootloader: unrecognized arguments: --locatoin=mbr; did you mean"
                                " --location? [syntax]\n"
                                "     2 |  bootloader --locatoin=mbr x\n"
                                "       |             ^~~~~~~~~~~~~~\n"));
    EXPECT_THAT(said, HasSubstr("a.ks: 2 errors, 0 warnings, 0 notes; read at level RHEL9 (as asked)\n"));
}

TEST(LintText, counts_characters_not_bytes) {
    const std::string said = lint_text(lint("user --name=é --gécos=x\n", "a.ks", at("RHEL9")));
    EXPECT_THAT(said, HasSubstr("a.ks:1:15: error"));
    EXPECT_THAT(said, HasSubstr("       |               ^~~~~~~~~\n"));
}

TEST(LintText, shows_the_part_of_a_long_line_that_matters) {
    const std::string line =
        "bootloader --append=\"" + std::string(3000, 'a') + "\" --nosuch " + std::string(3000, 'b');
    const std::string said = lint_text(lint(line, "a.ks", at("RHEL9")));
    EXPECT_THAT(said, HasSubstr("--nosuch"));
    EXPECT_LT(said.size(), 1500U);
}

TEST(LintText, states_the_level_and_why) {
    EXPECT_THAT(lint_text(lint("\n#version=RHEL7\n", "a.ks")), HasSubstr("RHEL7 (#version= in line 2)"));
    EXPECT_THAT(lint_text(lint("lang C\n", "a.ks")), HasSubstr("RHEL9 (a guess"));
}

TEST(LintJson, holds_findings_and_what_becomes_of_each_command) {
    const std::string json =
        lint_json({lint("raid / --device=md0 --level=1 a\nlang C\nnosuch\n", "a\"b.ks", at("RHEL9"))});
    EXPECT_THAT(json, AllOf(HasSubstr(R"("schema":"xenkiln-lint/1")"), HasSubstr(R"("file":"a\"b.ks")"),
                            HasSubstr(R"("line":3,"column":1,"length":6,"severity":"error","rule":"syntax")"),
                            HasSubstr(R"({"line":1,"name":"raid","image_build":"refused","why":")"),
                            HasSubstr(R"({"line":2,"name":"lang","image_build":"honoured","why":")")));
}

TEST(LintSarif, names_rules_places_and_an_escaped_address) {
    const std::string sarif = lint_sarif({lint("nosuch\n", "/a b/ü.ks", at("RHEL9"))});
    EXPECT_THAT(
        sarif, AllOf(HasSubstr(R"("version":"2.1.0")"), HasSubstr(R"("columnKind":"unicodeCodePoints")"),
                     HasSubstr(R"({"id":"syntax","shortDescription")"),
                     HasSubstr(R"("ruleId":"syntax","level":"error")"), HasSubstr(R"("uri":"file:///a%20b/%C3%BC.ks")"),
                     HasSubstr(R"("region":{"startLine":1,"startColumn":1,"endColumn":7})")));
}

TEST(Lint, advice_can_be_left_out) {
    kickstart::LintOptions options = at("RHEL9");
    const std::string text = "rootpw vagrant\nreboot\n";
    EXPECT_EQ(lint(text, "a.ks", options).findings.size(), 3U);
    options.security = false;
    EXPECT_EQ(lint(text, "a.ks", options).findings.size(), 1U);
    options.image_use = false;
    EXPECT_TRUE(lint(text, "a.ks", options).findings.empty());
}

TEST(Lint, findings_of_an_included_file_show_its_own_line) {
    class One : public kickstart::Bundle {
        std::optional<std::string> read(const std::string&) const override { return "\n\nnosuch here\n"; }
    };
    const One bundle;
    kickstart::LintOptions options = at("RHEL9");
    options.parse.bundle = &bundle;
    options.parse.file = "top.ks";
    const auto result = lint("lang C\n%include sub/a.ks\nreboot\n", "top.ks", options);
    ASSERT_EQ(result.findings.size(), 2U);
    EXPECT_EQ(result.findings[0].file, "sub/a.ks");
    EXPECT_EQ(result.findings[0].line, 3);
    EXPECT_EQ(result.findings[0].source, "nosuch here");
    EXPECT_EQ(result.findings[1].line, 3);
    EXPECT_EQ(result.findings[1].file, "top.ks");
}

TEST(Secrets, are_starred_out_wherever_they_stand) {
    using kickstart::without_secrets;
    EXPECT_EQ(without_secrets("rootpw --iscrypted $6$abc"), "rootpw --iscrypted ******");
    EXPECT_EQ(without_secrets("  rootpw \"a b\" # why"), "  rootpw ***** # why");
    EXPECT_EQ(without_secrets("user --name=a --pass=x\\ y --uid=5"), "user --name=a --pass=**** --uid=5");
    EXPECT_EQ(without_secrets("user \"--password=a b\""), "user \"--password=****");
    EXPECT_EQ(without_secrets("part / --passphrase geheim"), "part / --passphrase ******");
    EXPECT_THAT(without_secrets("rootpw 'geheim"), Not(HasSubstr("geheim")));
    EXPECT_EQ(without_secrets("lang C"), "lang C");
}

TEST(Secrets, are_left_out_of_a_rendered_recipe_that_everybody_may_read) {
    const auto recipe =
        kickstart::parse(
            "rootpw --plaintext geheim\nuser --name=a --password=geheim\npart / --passphrase=geheim --size=1\n")
            .recipe;
    EXPECT_THAT(render(recipe), HasSubstr("geheim"));
    const std::string masked = kickstart::public_text(render(recipe));
    EXPECT_THAT(masked, Not(HasSubstr("geheim")));
    EXPECT_TRUE(kickstart::parse(masked).ok()) << masked;
    EXPECT_THAT(masked, HasSubstr("user --name=a --password=(removed)\n"));
}

TEST(Levels, have_names_and_ranges) {
    using kickstart::in_range;
    using kickstart::level_named;
    for (const char* name : {"RHEL5", "RHEL10", "F9", "F45", "kickseed"})
        EXPECT_EQ(level_name(*level_named(name)), name);
    for (const char* name : {"RHEL4", "RHEL11", "F8", "F46", "RHEL", "F", "rhel7", "RHEL07", "RHEL-7", "DEVEL", ""})
        EXPECT_FALSE(level_named(name)) << name;
    const auto holds = [](const char* name, const char* range) { return in_range(*level_named(name), range); };
    EXPECT_TRUE(holds("RHEL7", "R7-,F18-"));
    EXPECT_FALSE(holds("RHEL6", "R7-,F18-"));
    EXPECT_TRUE(holds("F18", "R7-,F18-"));
    EXPECT_FALSE(holds("F17", "R7-,F18-"));
    EXPECT_TRUE(holds("RHEL6", "R6-8"));
    EXPECT_FALSE(holds("RHEL9", "R6-8"));
    EXPECT_TRUE(holds("RHEL5", "R-5"));
    EXPECT_TRUE(holds("RHEL8", "F,R8"));
    EXPECT_TRUE(holds("F9", "F16"));
    EXPECT_FALSE(holds("RHEL9", ""));
    EXPECT_TRUE(holds("kickseed", "R6"));
    EXPECT_FALSE(holds("kickseed", "R7-"));
    EXPECT_TRUE(holds("kickseed", "R7-,K"));
    EXPECT_FALSE(holds("RHEL6", "K"));
}

TEST(ImageUse, every_refusal_and_omission_has_its_reason) {
    for (const char* name : {"raid", "reboot", "network", "%pre", "%include", "never-heard-of"})
        EXPECT_FALSE(kickstart::image_use(name).why.empty()) << name;
    EXPECT_EQ(kickstart::image_use("never-heard-of").use, kickstart::Use::refused);
    EXPECT_EQ(kickstart::image_use("lang").use, kickstart::Use::honoured);
}

}  // namespace
