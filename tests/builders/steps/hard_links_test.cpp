// SPDX-License-Identifier: Apache-2.0
// A kernel of Debian 14 is one file with names in /boot and /usr/lib/modules; with a /boot of its own it could not be
// copied to the disk.
#include <gmock/gmock.h>

#include "builders/steps/configure.hpp"
#include "tests/builders/sandbox/sandbox_fixture.hpp"

namespace {

using namespace sandbox_fixture;

builders::PartitionPlan partition(const std::string& mount_point) {
    builders::PartitionPlan part;
    part.file_system.fstype = "ext4";
    part.file_system.mount_point = mount_point;
    return part;
}

TEST(HardLinks, end_at_the_mount_points_and_nowhere_else) {
    as_ordinary_user([](const fs::path& work) {
        Sandbox sandbox(work);
        output_of(sandbox,
                  "cd /tree && mkdir -p boot usr/lib && echo kernel > boot/vmlinuz && chmod 640 boot/vmlinuz && "
                  "ln boot/vmlinuz usr/lib/vmlinuz && echo tool > usr/lib/one && ln usr/lib/one usr/lib/two && "
                  "ln -s /usr srv");
        builders::BuildPlan plan;
        plan.storage.disks.emplace_back();
        for (const char* mount_point : {"/boot", "/", "/srv", "/absent", "swap"})
            plan.storage.disks[0].partitions.push_back(partition(mount_point));
        builders::steps::part_hard_links(plan, sandbox, {});
        EXPECT_EQ(output_of(sandbox,
                            "cd /tree && cat boot/vmlinuz usr/lib/vmlinuz && ls boot && "
                            "stat -c %h:%a boot/vmlinuz usr/lib/vmlinuz usr/lib/two"),
                  "kernel\nkernel\nvmlinuz\n1:640\n1:640\n2:644\n");
    });
}

}  // namespace
