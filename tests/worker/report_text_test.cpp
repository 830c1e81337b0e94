// SPDX-License-Identifier: Apache-2.0
#include "worker/report_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/machine/mode_advice.hpp"

namespace worker {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(BuildReport, says_in_text_what_the_json_says) {
    const std::string text = report_text("Debian 12, pvhvm", R"({
        "steps": [{"name": "install packages", "seconds": 31.4}, {"name": "write and compress", "seconds": 120}],
        "mode_advice": "pvhvm: the best choice",
        "notes": [{"line": 7, "message": "skipx is ignored"}, {"line": 0, "message": "of no line"}],
        "readiness": [{"id": "K1", "passed": true, "message": "has Xen"}, {"id": "F1", "passed": false, "message": "names /dev/sda"}],
        "packages": [{"name": "bash", "version": "5.2-1", "architecture": "amd64", "sha256": "abc123"},
                     {"name": "old", "version": "1", "architecture": "all", "sha256": ""}],
        "hardware": {"disks": [{"virtual_size": 4096, "disk_digest": "d1"}, {"virtual_size": 8192, "disk_digest": "d2"}]},
        "sandbox": {"network": "mirrors"}})");
    EXPECT_THAT(text,
                AllOf(HasSubstr("Debian 12, pvhvm\n"), HasSubstr("     31.4  install packages\n"),
                      HasSubstr("    120.0  write and compress\n"), HasSubstr("pvhvm: the best choice"),
                      HasSubstr("  line 7: skipx is ignored\n  of no line\n"), HasSubstr("  ok      K1 has Xen\n"),
                      HasSubstr("  NOT OK  F1 names /dev/sda\n"), HasSubstr("Packages (2)"),
                      HasSubstr("Disks: virtual size, disk digest\n  4096  d1\n  8192  d2\n"),
                      HasSubstr("  bash 5.2-1 amd64 abc123\n  old 1 all -\n"), HasSubstr("\"mirrors\"")));
}

TEST(BuildReport, leaves_out_what_is_not_there) {
    const std::string text = report_text("t", R"({"steps": []})");
    EXPECT_THAT(text, AllOf(Not(HasSubstr("Notes")), Not(HasSubstr("Packages")), Not(HasSubstr("Disks")),
                            Not(HasSubstr("Mode"))));
    EXPECT_ANY_THROW(report_text("t", "no json"));
}

TEST(ModeAdvice, names_the_better_mode_unless_it_is_the_best) {
    using formats::Mode;
    EXPECT_THAT(formats::machine::mode_advice(Mode::pvhvm), HasSubstr("best choice"));
    for (const Mode mode : {Mode::hvm, Mode::pvh, Mode::pv}) {
        const std::string advice = formats::machine::mode_advice(mode);
        EXPECT_TRUE(advice.starts_with(std::string(formats::to_string(mode)) + ": ")) << advice;
        EXPECT_THAT(advice, HasSubstr("pvhvm"));
    }
}

}  // namespace
}  // namespace worker
