// SPDX-License-Identifier: Apache-2.0
#include "server/jobs/asked.hpp"

#include <gmock/gmock.h>

#include "builders/plan/plan_json.hpp"
#include "formats/base/whole_file.hpp"
#include "tests/support/judges.hpp"

namespace server::jobs {
namespace {

using testing::ElementsAre;

const std::string recipe =
    "#xenkiln: distribution=debian-12 name=web outputs=vhd\npart / --fstype=ext4 --size=1024 --grow\n"
    "%packages\n%end\n";

catalog::Job build(const std::string& options) {
    catalog::Job job;
    job.id = "0011223344556677";
    job.kind = "build";
    job.recipe = recipe;
    job.request = R"({"options":{)" + options + R"(},"date":"20261121"})";
    return job;
}

TEST(LiesAsked, a_build_is_asked_for_the_images_of_its_plan_and_nothing_else) {
    const support::TemporaryFolder folder;
    EXPECT_THAT(asked_of(build(""), folder.path()).images, ElementsAre("vhd"));
    const worker::Asked asked =
        asked_of(build(R"("outputs":["xva.xz:0,vhd-fixed,qcow2-zstd,raw.zst:3"])"), folder.path());
    EXPECT_EQ(asked.release_name, "web-20261121-pvhvm");
    EXPECT_THAT(asked.title, testing::HasSubstr("Debian 12"));
    EXPECT_FALSE(asked.conversion);
    EXPECT_THAT(asked.images, ElementsAre("xva.xz", "vhd-fixed", "qcow2-zstd", "raw.zst"));

    worker::WorkerResult result{asked.release_name, asked.title, "{}", {}};
    const auto add = [&](const std::string& format) {
        result.products.push_back({worker::product_name(asked.release_name, format), format, 1,
                                   formats::Sha256::of(std::string(64, 'a'), "sha256"),
                                   formats::Md5::of(std::string(32, 'a'), "md5")});
    };
    for (const char* format : {"raw.zst", "xva.xz", "qcow2-zstd", "ova.xml"}) add(format);
    EXPECT_THROW(require_asked(result, asked), std::runtime_error);
    add("vhd-fixed");
    EXPECT_NO_THROW(require_asked(result, asked));
    add("vhd");
    EXPECT_THROW(require_asked(result, asked), std::runtime_error);
}

TEST(LiesAsked, a_build_is_compared_with_the_plan_that_was_accepted) {
    const support::TemporaryFolder folder;
    builders::BuildOptions options;
    ASSERT_FALSE(set_option(options, "outputs", "qcow2,raw.zst"));
    builders::BuildPlan plan = plan_recipe(recipe, options, "20261122").planned.plan;
    formats::write_whole_file(folder / builders::plan_file, private_json(plan));
    const worker::Asked asked = asked_of(build(""), folder.path());
    EXPECT_EQ(asked.release_name, "web-20261122-pvhvm");
    EXPECT_THAT(asked.images, ElementsAre("qcow2", "raw.zst"));
    formats::write_whole_file(folder / builders::plan_file, "{}");
    EXPECT_THROW(asked_of(build(""), folder.path()), std::runtime_error);
}

}  // namespace
}  // namespace server::jobs
