// SPDX-License-Identifier: Apache-2.0
#include "builders/plan/boot_table.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>

#include "builders/plan/build_plan.hpp"

namespace {

using namespace builders;
using formats::Mode;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr Layout layouts[] = {Layout::mbr, Layout::gpt, Layout::uefi, Layout::hybrid, Layout::partitionless};
constexpr Mode modes[] = {Mode::pvhvm, Mode::hvm, Mode::pvh, Mode::pv};

PlanResult plan_of(const std::string& recipe) {
    const auto parsed = kickstart::parse(recipe);
    EXPECT_TRUE(parsed.ok());
    return plan_build(parsed.recipe, {}, "20261121");
}

// Its options stand in line 1, the first of `lines` in line 2.
std::vector<std::string> errors_of(const std::string& options, const std::string& lines) {
    std::vector<std::string> errors;
    for (const auto& error :
         plan_of("#xenkiln: distribution=debian-12 " + options + "\n" + lines + "\n%packages\n%end\n").errors)
        errors.push_back(std::to_string(error.line) + ": " + error.message);
    return errors;
}

TEST(BootTable, is_the_one_that_the_document_shows) {
    std::ifstream file(XENKILN_SOURCE_DIR "/docs/readiness.md");
    const std::string document{std::istreambuf_iterator<char>(file), {}};
    std::string table = "| layout |";
    for (const Mode mode : modes) table += " " + std::string(to_string(mode)) + " |";
    table += "\n|---|---|---|---|---|\n";
    for (const Layout layout : layouts) {
        table += "| " + std::string(to_string(layout)) + " |";
        for (const Mode mode : modes) table += " " + std::string(to_string(boot_way(layout, mode))) + " |";
        table += "\n";
    }
    EXPECT_THAT(document, HasSubstr(table));
}

TEST(BootTable, each_cell_is_planned_or_refused_with_the_line_and_what_would_do) {
    int refused = 0;
    for (const Layout layout : layouts)
        for (const Mode mode : modes) {
            SCOPED_TRACE(std::string(to_string(layout)) + " " + std::string(to_string(mode)));
            const auto errors =
                errors_of("layout=" + std::string(to_string(layout)) + " mode=" + std::string(to_string(mode)),
                          "part / --fstype=ext4 --size=1024 --grow");
            if (boot_way(layout, mode) != BootWay::none) {
                EXPECT_THAT(errors, IsEmpty());
                continue;
            }
            ++refused;
            EXPECT_THAT(errors, Contains(AllOf(HasSubstr("1: layout=partitionless: no firmware boots it"),
                                               HasSubstr("choose mode=pv or mode=pvh"))));
        }
    EXPECT_EQ(refused, 2);
}

TEST(BootTable, partitionless_in_the_default_mode_was_called_ready) {
    EXPECT_THAT(errors_of("layout=partitionless", "part / --size=1024 --grow"), Contains(HasSubstr("mode=pvhvm")));
    EXPECT_THAT(errors_of("layout=partitionless", "part / --size=1024 --grow\nbootloader --location=none"), IsEmpty());
}

TEST(BootTable, pygrub_found_no_kernel_on_xfs_or_in_a_logical_volume) {
    const std::string volume =
        "part pv.01 --size=2000 --grow\nvolgroup vg pv.01\nlogvol / --vgname=vg --name=root --size=1500 "
        "--fstype=ext4\n";
    for (const char* mode : {"mode=pv", "mode=pvh"}) {
        SCOPED_TRACE(mode);
        EXPECT_THAT(errors_of(mode, "part / --fstype=xfs --size=1500"),
                    Contains(AllOf(HasSubstr("2: " + std::string(mode)), HasSubstr("and / is xfs"),
                                   HasSubstr("add part /boot --fstype=ext4"))));
        EXPECT_THAT(errors_of(mode, "part /boot --fstype=xfs --size=500\npart / --fstype=ext4 --size=1500"),
                    Contains(HasSubstr("/boot is xfs")));
        EXPECT_THAT(errors_of(mode, volume),
                    Contains(AllOf(HasSubstr("4: " + std::string(mode)), HasSubstr("/ is a logical volume"))));
        EXPECT_THAT(errors_of(mode,
                              "part / --size=1500 --ondisk=a --fstype=ext4\npart /boot --size=500 --ondisk=b "
                              "--fstype=ext4\nbootloader --boot-drive=a"),
                    Contains(AllOf(HasSubstr("3: "), HasSubstr("/boot is on another disk"))));
        EXPECT_THAT(errors_of(mode, "part /boot --fstype=ext2 --size=500\npart / --fstype=xfs --size=1500"), IsEmpty());
        EXPECT_THAT(errors_of(mode, "part /boot --fstype=ext4 --size=500\n" + volume), IsEmpty());
    }
    EXPECT_THAT(errors_of("", "part / --fstype=xfs --size=1500"), IsEmpty());
    EXPECT_THAT(errors_of("", volume), IsEmpty());
}

TEST(BootTable, hvm_sees_four_disks) {
    std::string parts = "part / --size=1500 --ondisk=a\n";
    for (const char* disk : {"b", "c", "d"})
        parts += "part /" + std::string(disk) + " --size=10 --ondisk=" + disk + "\n";
    EXPECT_THAT(errors_of("mode=hvm", parts), IsEmpty());
    parts += "part /e --size=10 --ondisk=e\n";
    EXPECT_THAT(errors_of("mode=hvm", parts), Contains(HasSubstr("Xen emulates 4 disks, the recipe has 5")));
    EXPECT_THAT(errors_of("", parts), IsEmpty());
}

TEST(BootTable, hvm_got_the_cloud_kernel_which_drives_no_emulated_card) {
    const std::string recipe = "part / --size=1024\n%packages\n";
    const auto plan = [&](const std::string& options, const std::string& packages) {
        return plan_of("#xenkiln: distribution=debian-12 " + options + "\n" + recipe + packages + "%end\n");
    };
    EXPECT_THAT(plan("mode=hvm", "").plan.packages,
                AllOf(Contains("linux-image-amd64"), Not(Contains("linux-image-cloud-amd64"))));
    EXPECT_THAT(plan("", "").plan.packages, Contains("linux-image-cloud-amd64"));
    const auto wrong = plan("mode=hvm", "linux-image-cloud-amd64\n");
    ASSERT_EQ(wrong.errors.size(), 1U);
    EXPECT_EQ(wrong.errors[0].line, 4);
    EXPECT_THAT(wrong.errors[0].message, HasSubstr("name linux-image-amd64, or choose mode=pvhvm"));
    EXPECT_TRUE(plan("mode=hvm", "linux-image-cloud-amd64\nlinux-image-amd64\n").ok());
}

TEST(BootTable, the_consoles_tables_are_saved_where_console_setup_is_installed) {
    const auto saved = [](const std::string& lines) {
        int count = 0;
        const auto planned = plan_of("#xenkiln: distribution=debian-12\npart / --size=1024\n" + lines);
        for (const auto& command : planned.plan.commands)
            if (command.back().find("setupcon --save-only") != std::string::npos) ++count;
        return count;
    };
    EXPECT_EQ(saved("keyboard de\n%packages\n%end\n"), 1);
    EXPECT_EQ(saved("%packages\nconsole-setup\n%end\n"), 1);
    EXPECT_EQ(saved("%packages\n%end\n"), 0);
    EXPECT_EQ(saved("keyboard de\n%packages --nocore\n%end\n"), 0);
}

}  // namespace
