// SPDX-License-Identifier: Apache-2.0
#include "server/jobs/asked.hpp"

#include <gmock/gmock.h>

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
    EXPECT_THAT(asked_of(build("")).images, ElementsAre("vhd"));
    const worker::Asked asked = asked_of(build(R"("outputs":["xva.xz:0,vhd-fixed,qcow2-zstd,raw.zst:3"])"));
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

}  // namespace
}  // namespace server::jobs
