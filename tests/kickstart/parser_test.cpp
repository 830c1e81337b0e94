// SPDX-License-Identifier: Apache-2.0
#include "kickstart/parser.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kickstart/json.hpp"

namespace {

using kickstart::parse;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> errors(const std::string& text, const std::string& level = "RHEL9") {
    std::vector<std::string> found;
    for (const auto& d : parse(text, {level}).diagnostics)
        if (d.severity == kickstart::Severity::error)
            found.push_back(std::to_string(d.line) + ":" + std::to_string(d.column) + ": " + d.message);
    return found;
}

TEST(Words, quotes_comments_and_escapes) {
    const auto args = [](const std::string& line) { return parse("timezone " + line).recipe.timezone->zone; };
    EXPECT_EQ(args("Europe/Rome#comment"), "Europe/Rome");
    EXPECT_EQ(args("'a b'"), "a b");
    EXPECT_EQ(args("\"a \\\" b\""), "a \" b");
    EXPECT_EQ(args("a\\ b"), "a b");
    EXPECT_EQ(args("\"\\$6\""), "\\$6");
}

TEST(Parser, an_unterminated_quote_is_named_with_its_place) {
    EXPECT_THAT(errors("lang 'en"), ElementsAre(HasSubstr("1:6: No closing quotation")));
}

TEST(Parser, every_error_of_a_file_is_reported_with_its_line) {
    EXPECT_THAT(
        errors("lang\nlnag en\nbootloader --locatoin=mbr\nnetwork --onboot=maybe\npart / --size=10G\nzerombr yes\n"),
        ElementsAre(
            "1:1: lang: needs 1 argument, has 0", "2:1: Unknown command: lnag; did you mean lang?",
            "3:12: bootloader: unrecognized arguments: --locatoin=mbr; did you mean --location?",
            "4:9: argument --onboot: invalid boolean: 'maybe'", "5:8: argument --size: invalid int value: '10G'",
            "6:9: Unexpected arguments to zerombr command: ['yes']; it takes no words since RHEL6, leave them out"));
}

TEST(Parser, says_what_was_probably_meant) {
    EXPECT_THAT(errors("  --grow"), ElementsAre(HasSubstr("continued line")));
    EXPECT_THAT(errors("systemctl enable x"), ElementsAre(HasSubstr("%post")));
    EXPECT_THAT(errors("URL --url=http://x"), ElementsAre(HasSubstr("lower case: url")));
    EXPECT_THAT(errors("clearpart \xe2\x80\x93"
                       "all"),
                ElementsAre(HasSubstr("dash")));
}

TEST(Options, any_unambiguous_beginning_is_accepted_and_an_ambiguous_one_is_not) {
    EXPECT_EQ(parse("network --bootp=static").recipe.networks[0].boot_proto, "static");
    EXPECT_THAT(errors("network --bo=static"),
                ElementsAre(HasSubstr("--bo could match --bootproto, --bondslaves, --bondopts")));
    EXPECT_TRUE(errors("user --name=a --group=b").empty());
}

TEST(Options, a_value_may_stand_apart_but_not_begin_with_a_dash) {
    EXPECT_EQ(parse("user --name admin").recipe.users[0].name, "admin");
    EXPECT_THAT(errors("bootloader --append --timeout=5"), ElementsAre(HasSubstr("--append: expected one argument")));
}

TEST(Options, the_last_of_a_repeated_option_wins_but_ports_accumulate) {
    EXPECT_EQ(parse("user --name=a --name=b").recipe.users[0].name, "b");
    EXPECT_THAT(parse("firewall --port=22 --port=53:udp,80").recipe.firewall->ports,
                ElementsAre("22:tcp", "53:udp", "80:tcp"));
    EXPECT_FALSE(parse("firewall --enabled --disabled").recipe.firewall->enabled);
}

TEST(Options, integers_as_python_reads_them) {
    EXPECT_EQ(parse("bootloader --timeout=+5").recipe.bootloader->timeout, 5);
    EXPECT_EQ(parse("part / --size=1_000").recipe.partitions[0].size_mib, 1000);
    EXPECT_EQ(parse("part / --size=' 7 '").recipe.partitions[0].size_mib, 7);
    EXPECT_FALSE(parse("part / --size=0x10").ok());
    EXPECT_FALSE(parse("part / --size=+-1").ok());
}

TEST(Parser, conflicting_commands_are_an_error) {
    EXPECT_THAT(errors("autopart\npart / --size=1"), ElementsAre(HasSubstr("2:1: The part and autopart commands")));
}

TEST(Sections, bodies_are_byte_exact_and_know_their_options) {
    const auto recipe =
        parse("%post --log=/root/l --erroronfail --interpreter=/bin/bash\necho '%packages'\r\n  %foo\n%end\n").recipe;
    ASSERT_EQ(recipe.scripts.size(), 1U);
    EXPECT_EQ(recipe.scripts[0].body, "echo '%packages'\r\n  %foo\n");
    EXPECT_EQ(recipe.scripts[0].log, "/root/l");
    EXPECT_EQ(recipe.scripts[0].interpreter, "/bin/bash");
    EXPECT_TRUE(recipe.scripts[0].error_on_fail && recipe.scripts[0].chroot);
    EXPECT_FALSE(parse("%post --nochroot\nx\n%end").recipe.scripts[0].chroot);
}

TEST(Sections, a_missing_end_and_an_unknown_section_are_errors) {
    EXPECT_THAT(errors("\n%post\necho\n"),
                ElementsAre(HasSubstr("3:0: Section %post does not end with %end. It begins in line 2")));
    EXPECT_THAT(errors("%post\ncat <<X\n  %packages\nX\n%end\n"), ElementsAre(HasSubstr("does not end")));
    EXPECT_THAT(errors("%nosuch\n%end"), ElementsAre("1:1: Unknown kickstart section: %nosuch"));
    EXPECT_THAT(errors("%end"), ElementsAre(HasSubstr("without a section")));
}

TEST(Packages, later_lines_win_and_groups_have_levels) {
    const auto p =
        *parse(
             "%packages --excludedocs\n@core --nodefaults\n@^minimal\nvim # editor\nfoo bar\n-vim\n-@x\n%end\n"
             "%packages --nocore\nvim\n%end")
             .recipe.packages;
    EXPECT_THAT(p.packages, ElementsAre("foo bar", "vim"));
    EXPECT_TRUE(p.excluded_packages.empty());
    EXPECT_THAT(p.excluded_groups, ElementsAre("x"));
    EXPECT_EQ(p.environment, "minimal");
    EXPECT_EQ(p.groups[0].level, "mandatory");
    EXPECT_TRUE(p.no_core);
    EXPECT_FALSE(p.exclude_docs);
    EXPECT_EQ(p.lines.at("vim"), 10);
    EXPECT_THAT(errors("%packages\n-\n%end"), ElementsAre(HasSubstr("lone '-'")));
}

TEST(Comments, xenkiln_options_carry_their_line) {
    const auto options = parse("\n#xenkiln: mode=pvhvm memory='2 GiB'\n").recipe.options;
    ASSERT_EQ(options.size(), 2U);
    EXPECT_EQ(options[0].key, "mode");
    EXPECT_EQ(options[1].value, "2 GiB");
    EXPECT_EQ(options[1].line, 2);
    EXPECT_THAT(errors("#xenkiln: mode"), ElementsAre(HasSubstr("'mode' is not key=value")));
}

TEST(Recipe, partitions_users_and_the_rest) {
    const auto r = parse(
                       "part /boot/ --fstype=ext3 --size=256 --asprimary\npart swap --type=swap --size=1\n"
                       "rootpw --lock\nuser --name=a --groups=sudo,adm --gecos='A B' --iscrypted --password=$6$x\n"
                       "url --mirrorlist=http://x/?a&b\nsshkey --username=root \"ssh-rsa AAAA x\"\nreboot --eject\n")
                       .recipe;
    EXPECT_EQ(r.partitions[0].mount_point, "/boot");
    EXPECT_EQ(r.partitions[1].fstype, "swap");
    EXPECT_TRUE(r.root_password->locked);
    EXPECT_TRUE(r.users[0].password->crypted);
    EXPECT_EQ(r.users[0].password->value, "$6$x");
    EXPECT_THAT(r.users[0].groups, ElementsAre("sudo", "adm"));
    EXPECT_EQ(r.url->mirror_list, "http://x/?a&b");
    EXPECT_EQ(r.ssh_keys[0].key, "ssh-rsa AAAA x");
    EXPECT_EQ(r.commands.back().name, "reboot");
}

TEST(Parser, hostile_text_never_crashes) {
    EXPECT_FALSE(parse(std::string("lang \0en\n\"\"\n'\n", 13)).ok());
    EXPECT_TRUE(parse("").ok());
    EXPECT_TRUE(parse(std::string(5'000'000, ' ')).ok());
    EXPECT_FALSE(parse(std::string(5'000'000, 'x')).ok());
    EXPECT_THROW(parse("", {"RHEL99"}), std::invalid_argument);
    EXPECT_TRUE(parse("\xef\xbb\xbflang en\n").ok());
}

TEST(Json, is_escaped_and_complete) {
    const std::string json = to_json(parse("lang en\n%post\n\"\t\\\x01\n%end\n"));
    EXPECT_THAT(json, HasSubstr(R"("body":"\"\t\\\u0001\n")"));
    EXPECT_THAT(
        json,
        HasSubstr(
            R"("ok":true,"commands":[{"line":1,"name":"lang","deprecated":false,"args":["en"],"options":{}}],"packages":null)"));
}

}  // namespace
