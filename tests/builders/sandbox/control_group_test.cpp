// SPDX-License-Identifier: Apache-2.0
// On a folder in the shape of cgroup v2: what is asked of the kernel, and when nothing is. What the kernel does with
// it is the kernel's; sandbox_limits_test.cpp shows the limits kept by whatever this host has.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "builders/sandbox/control_group.hpp"
#include "tests/support/judges.hpp"

namespace builders {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ControlGroups : public ::testing::Test {
protected:
    void SetUp() override {
        service_ = places_.root / "system.slice/xenkiln.service";
        fs::create_directories(service_);
        write(places_.root / "cgroup.controllers", "cpu memory pids\n");
        write(service_ / "cgroup.controllers", "cpu memory pids\n");
        write(service_ / "cgroup.subtree_control", "\n");
        write(places_.self, "0::/system.slice/xenkiln.service\n");
    }

    static void write(const fs::path& file, const std::string& text) { std::ofstream(file) << text; }
    static std::string read(const fs::path& file) {
        std::ifstream in(file);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    // As the kernel shows it after divide_control_group().
    void divided() {
        fs::create_directories(service_ / "xenkiln");
        write(service_ / "cgroup.subtree_control", "memory pids\n");
        write(places_.self, "0::/system.slice/xenkiln.service/xenkiln\n");
    }
    fs::path step() const {
        for (const auto& entry : fs::directory_iterator(service_))
            if (entry.path().filename().string().starts_with("step-")) return entry.path();
        return {};
    }

    support::TemporaryFolder folder_;
    ControlGroupPlaces places_{folder_ / "root", folder_ / "self"};
    fs::path service_;
};

TEST_F(ControlGroups, the_service_moves_to_a_leaf_and_lets_its_siblings_have_limits) {
    EXPECT_TRUE(divide_control_group(places_));
    EXPECT_EQ(read(service_ / "xenkiln/cgroup.procs"), std::to_string(::getpid()));
    EXPECT_EQ(read(service_ / "cgroup.subtree_control"), "+memory +pids");
}

TEST_F(ControlGroups, nothing_is_changed_where_the_group_lacks_a_controller) {
    write(service_ / "cgroup.controllers", "cpu memory\n");
    EXPECT_FALSE(divide_control_group(places_));
    EXPECT_FALSE(fs::exists(service_ / "xenkiln"));
}

TEST_F(ControlGroups, nothing_is_done_on_a_host_with_version_1_only) {
    fs::remove(places_.root / "cgroup.controllers");
    EXPECT_FALSE(divide_control_group(places_));
    EXPECT_EQ(ControlGroup::make({}, places_), nullptr);
    write(places_.self, "4:memory:/system.slice\n1:name=systemd:/system.slice\n");
    EXPECT_FALSE(divide_control_group(places_));
}

TEST_F(ControlGroups, a_group_that_was_not_divided_gives_no_limits) {
    EXPECT_EQ(ControlGroup::make({}, places_), nullptr);
    fs::create_directories(service_ / "xenkiln");
    write(places_.self, "0::/system.slice/xenkiln.service/xenkiln\n");
    EXPECT_EQ(ControlGroup::make({}, places_), nullptr);
}

TEST_F(ControlGroups, a_leaf_made_by_the_service_manager_is_taken_as_it_is) {
    divided();
    EXPECT_TRUE(divide_control_group(places_));
    EXPECT_FALSE(fs::exists(service_ / "xenkiln/xenkiln"));
}

TEST_F(ControlGroups, a_step_has_a_group_with_its_limits_and_joins_it_first) {
    divided();
    Limits limits;
    limits.memory = std::uint64_t{3} << 30;
    limits.processes = 77;
    {
        const auto group = ControlGroup::make(limits, places_);
        ASSERT_NE(group, nullptr);
        EXPECT_EQ(read(step() / "memory.max"), "3221225472");
        EXPECT_EQ(read(step() / "pids.max"), "77");
        EXPECT_EQ(read(step() / "memory.swap.max"), "0");
        EXPECT_EQ(read(step() / "memory.oom.group"), "1");
        EXPECT_THAT(group->prefix(), ElementsAre("sh", "-c", HasSubstr("exec"), (step() / "cgroup.procs").string()));
        EXPECT_THAT(group->passed(), IsEmpty());
    }
    EXPECT_EQ(read(step() / "cgroup.kill"), "1");
}

TEST_F(ControlGroups, the_limit_that_was_passed_is_named_with_its_number) {
    divided();
    Limits limits;
    limits.memory = std::uint64_t{512} << 20;
    limits.processes = 400;
    const auto group = ControlGroup::make(limits, places_);
    ASSERT_NE(group, nullptr);
    write(step() / "pids.events", "max 3\n");
    EXPECT_THAT(group->passed(), HasSubstr("processes and threads than the limit of 400"));
    write(step() / "memory.events", "low 0\nhigh 0\nmax 9\noom 1\noom_kill 2\noom_group_kill 1\n");
    EXPECT_THAT(group->passed(), HasSubstr("more memory than the limit of 512 MiB"));
}

TEST_F(ControlGroups, two_steps_do_not_share_one) {
    divided();
    const auto one = ControlGroup::make({}, places_), other = ControlGroup::make({}, places_);
    ASSERT_TRUE(one && other);
    EXPECT_NE(one->prefix().back(), other->prefix().back());
}

}  // namespace
}  // namespace builders
