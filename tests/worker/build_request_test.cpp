// SPDX-License-Identifier: Apache-2.0
#include "worker/build_request.hpp"

#include <gmock/gmock.h>

#include "builders/job/errors.hpp"
#include "builders/plan/plan_json.hpp"
#include "formats/base/whole_file.hpp"
#include "tests/support/judges.hpp"

namespace worker {
namespace {

using testing::HasSubstr;

const std::string recipe =
    "#xenkiln: distribution=debian-12 name=web\npart / --fstype=ext4 --size=1024 --grow\n%packages\n%end\n";

class BuildRequest : public testing::Test {
protected:
    builders::BuildPlan plan(const std::string& text = recipe) { return plan_of(folder.path(), request, text); }
    std::string failure(const std::string& text = recipe) {
        try {
            plan(text);
        } catch (const builders::StepFailed& error) {
            return error.what();
        }
        return "it did not fail";
    }

    support::TemporaryFolder folder;
    boost::json::object request{{"options", {{"memory", {"1GiB"}}}}, {"date", "20261121"}};
};

TEST_F(BuildRequest, of_an_earlier_release_has_no_plan_and_is_planned) {
    EXPECT_EQ(plan().release_name, "web-20261121-pvhvm");
    EXPECT_EQ(plan().hardware.memory_bytes, std::uint64_t{1} << 30);
    EXPECT_THAT(failure("nosuchcommand\n" + recipe), HasSubstr("line 1: "));
    request["options"] = {{"memory", {"lots"}}};
    EXPECT_THAT(failure(), HasSubstr("lots"));
}

TEST_F(BuildRequest, is_built_by_the_plan_that_was_accepted_whatever_the_recipe_says_today) {
    builders::BuildPlan accepted = plan();
    accepted.packages = {"only-this"};
    accepted.root_password = kickstart::Password{"secret", false};
    formats::write_whole_file(folder / builders::plan_file, private_json(accepted));
    EXPECT_EQ(private_json(plan("nosuchcommand\n")), private_json(accepted));
}

TEST_F(BuildRequest, whose_plan_is_damaged_fails_and_names_the_file_and_what_is_wrong) {
    const std::string text = private_json(plan());
    formats::write_whole_file(folder / builders::plan_file, text.substr(0, text.size() / 2));
    EXPECT_THAT(failure(), HasSubstr("plan-private: the plan: is not JSON"));
    formats::write_whole_file(folder / builders::plan_file, "{}");
    EXPECT_THAT(failure(), HasSubstr("plan-private: the plan: release_name: is missing"));
}

}  // namespace
}  // namespace worker
