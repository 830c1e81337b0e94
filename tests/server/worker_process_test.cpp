// SPDX-License-Identifier: Apache-2.0
#include "server/jobs/worker_process.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <atomic>
#include <csignal>
#include <fstream>

#include "tests/support/judges.hpp"

namespace server::jobs {
namespace {

std::atomic<int>* terminated = nullptr;  // shared with children, as the pipe of a real handler is

TEST(WorkerProcess, is_cancelled_in_its_first_moment_without_a_handler_of_ours_being_run) {
    const support::TemporaryFolder folder;
    const auto program = folder / "worker";
    std::ofstream(program) << "#!/bin/sh\nexec sleep 60\n";
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    terminated = static_cast<std::atomic<int>*>(
        ::mmap(nullptr, sizeof *terminated, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    const auto before = std::signal(SIGTERM, [](int) { ++*terminated; });
    for (int round = 0; round < 20; ++round) {
        WorkerProcess worker(program, folder.path());
        worker.cancel();
        EXPECT_EQ(worker.wait([](std::string_view) {}), 128 + SIGTERM);
    }
    std::signal(SIGTERM, before);
    EXPECT_EQ(*terminated, 0);
    ::munmap(terminated, sizeof *terminated);
}

}  // namespace
}  // namespace server::jobs
