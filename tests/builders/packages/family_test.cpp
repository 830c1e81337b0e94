// SPDX-License-Identifier: Apache-2.0
#include "builders/packages/family.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "builders/job/errors.hpp"
#include "builders/packages/host_tools.hpp"
#include "builders/plan/families.hpp"

namespace {

using namespace builders;
using packages::find_family;
using testing::Contains;
using testing::HasSubstr;

BuildPlan of(const std::string& id) {
    BuildPlan plan;
    plan.distribution = *find_distribution(id);
    return plan;
}

TEST(Families, a_plan_says_of_each_release_whether_it_can_be_built_as_the_builders_know_it) {
    for (const Distribution& release : distributions()) {
        const packages::Family* family = find_family(release.family);
        EXPECT_EQ(!not_built_yet(of(release.id)), family != nullptr) << release.id;
        EXPECT_EQ(packages::host_tools(release.family).empty(), family == nullptr) << release.id;
        if (family) EXPECT_EQ(&packages::family_of(of(release.id)), family);
    }
    for (const FamilyFacts& facts : families()) EXPECT_EQ(facts.built, find_family(facts.name) != nullptr);
}

TEST(Families, what_has_no_builder_is_refused_in_the_words_of_the_plan) {
    const BuildPlan plan = of("rocky-9");
    EXPECT_THAT(*not_built_yet(plan), HasSubstr("those of Debian and Ubuntu are"));
    try {
        packages::family_of(plan);
        FAIL();
    } catch (const StepFailed& error) {
        EXPECT_EQ(error.what(), *not_built_yet(plan));
    }
}

TEST(Families, a_versions_files_are_found_by_their_pattern) {
    const packages::VersionedPath after{"/boot/initramfs-*.img"}, before{"/boot/vmlinuz-*"};
    EXPECT_EQ(after.of("5.14.0-1.el9"), "/boot/initramfs-5.14.0-1.el9.img");
    EXPECT_EQ(after.version("/boot/initramfs-5.14.0-1.el9.img"), "5.14.0-1.el9");
    EXPECT_EQ(before.version(before.of("6.1.0-49-amd64")), "6.1.0-49-amd64");
}

TEST(Families, what_ubuntu_installs_from_has_the_operators_keys_and_every_address_of_the_guest) {
    const std::filesystem::path keys = std::filesystem::temp_directory_path() / ("keys." + std::to_string(getpid()));
    std::ofstream(keys) << "keys";
    BuildPlan plan = of("ubuntu-24.04");
    plan.sources = {"deb http://extra.example/ubuntu noble main"};
    plan.guest_sources = "deb http://archive.example/ubuntu noble main\n";
    BuildHost host;
    host.keyrings["ubuntu-24.04"] = keys;
    const packages::Sources sources = packages::family_of(plan).sources(plan, host);
    const std::string signed_by = "deb [signed-by=" + keys.string() + "] ";
    EXPECT_THAT(sources.lines, testing::ElementsAre(signed_by + "http://extra.example/ubuntu noble main",
                                                    signed_by + "http://archive.example/ubuntu noble main"));
    std::vector<std::string> reachable;
    for (const network::Repository& repository : sources.repositories) {
        EXPECT_FALSE(repository.trusted) << repository.url;
        reachable.push_back(repository.url);
    }
    EXPECT_THAT(reachable, Contains("http://extra.example/ubuntu"));
    EXPECT_THAT(reachable, Contains("http://archive.example/ubuntu"));
    std::filesystem::remove(keys);
    EXPECT_THROW(packages::family_of(plan).sources(plan, host), HostNotReady);
}

}  // namespace
