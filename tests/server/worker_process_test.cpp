// SPDX-License-Identifier: Apache-2.0
#include "server/jobs/worker_process.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "builders/sandbox/open_files.hpp"
#include "builders/sandbox/process.hpp"
#include "server/jobs/process_table.hpp"
#include "tests/support/judges.hpp"

namespace server::jobs {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

std::atomic<int>* terminated = nullptr;  // shared with children, as the pipe of a real handler is

void no_line(std::string_view) {}

// A worker that is a script; $1 is the job's folder.
std::filesystem::path script(const support::TemporaryFolder& folder, const std::string& text) {
    const auto program = folder / "worker";
    std::ofstream(program) << "#!/bin/sh\n" << text;
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    return program;
}

// What the script wrote, when it has.
std::string told(const std::filesystem::path& file) {
    std::string text;
    for (const auto until = Clock::now() + 20s; text.empty() && Clock::now() < until;) {
        std::ifstream(file) >> text;
        if (text.empty()) std::this_thread::sleep_for(10ms);
    }
    EXPECT_FALSE(text.empty()) << file;
    return text;
}

bool lives(const std::string& pid) {
    const auto status = status_of(static_cast<pid_t>(std::stol(pid)));
    return status && !status->zombie;
}

TEST(WorkerProcess, is_cancelled_in_its_first_moment_without_a_handler_of_ours_being_run) {
    const support::TemporaryFolder folder;
    const auto program = script(folder, "exec sleep 60\n");
    terminated = static_cast<std::atomic<int>*>(
        ::mmap(nullptr, sizeof *terminated, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    const auto before = std::signal(SIGTERM, [](int) { ++*terminated; });
    for (int round = 0; round < 20; ++round) {
        WorkerProcess worker(program, folder.path());
        worker.cancel();
        EXPECT_EQ(worker.wait(no_line), 128 + SIGTERM);
    }
    std::signal(SIGTERM, before);
    EXPECT_EQ(*terminated, 0);
    ::munmap(terminated, sizeof *terminated);
}

TEST(WorkerProcess, cancel_does_not_hold_its_caller_and_a_deaf_worker_is_killed_when_the_grace_is_over) {
    const support::TemporaryFolder folder;
    WorkerProcess worker(script(folder, "trap '' TERM\necho > \"$1\"/deaf x\nwhile :; do sleep 0.05; done\n"),
                         folder.path(), SecretFilter(), 700ms);
    told(folder / "deaf");
    int exit_code = 0;
    std::thread waiting([&] { exit_code = worker.wait(no_line); });
    const auto started = Clock::now();
    worker.cancel();
    EXPECT_LT(Clock::now() - started, 300ms);
    waiting.join();
    EXPECT_EQ(exit_code, 128 + SIGKILL);
    EXPECT_GE(Clock::now() - started, 700ms);
}

TEST(WorkerProcess, may_be_cancelled_and_killed_by_any_thread_before_during_and_after_the_wait) {
    const support::TemporaryFolder folder;
    const auto program = script(folder, "echo one\nexec sleep 60\n");
    for (int round = 0; round < 10; ++round) {
        WorkerProcess worker(program, folder.path());
        std::vector<std::thread> others;
        for (int i = 0; i < 2; ++i)
            others.emplace_back([&, i] {
                for (int times = 0; times < 50; ++times) i == 0 ? worker.cancel() : worker.kill();
            });
        const int exit_code = worker.wait(no_line);
        EXPECT_TRUE(exit_code == 128 + SIGTERM || exit_code == 128 + SIGKILL) << exit_code;
        worker.cancel();
        worker.kill();
        for (std::thread& other : others) other.join();
    }
}

TEST(WorkerProcess, a_child_that_left_the_session_and_holds_the_output_is_dead_when_the_wait_is_over) {
    const support::TemporaryFolder folder;
    WorkerProcess worker(script(folder,
                                "setsid sh -c 'setsid sh -c \"echo \\$\\$ > $0/inner; exec sleep 300\" & echo $$ > "
                                "$0/outer; exec sleep 300' \"$1\" &\n"
                                "while [ ! -s \"$1\"/inner ] || [ ! -s \"$1\"/outer ]; do sleep 0.02; done\n"
                                "echo last line\n"),
                         folder.path());
    std::vector<std::string> lines;
    EXPECT_EQ(worker.wait([&](std::string_view line) { lines.emplace_back(line); }), 0);
    EXPECT_FALSE(lives(told(folder / "inner")));
    EXPECT_FALSE(lives(told(folder / "outer")));
    EXPECT_EQ(lines, std::vector<std::string>{"last line"});
}

TEST(WorkerProcess, the_end_of_one_leaves_another_and_what_it_started_alone) {
    const support::TemporaryFolder first_folder, second_folder;
    WorkerProcess lasting(
        script(second_folder, "(setsid sh -c 'echo $$ > $0/daemon; exec sleep 300' \"$1\" &)\nsleep 300\n"),
        second_folder.path());
    const std::string daemon = told(second_folder / "daemon");
    for (int round = 0; round < 3; ++round) {
        WorkerProcess brief(script(first_folder, "exit 3\n"), first_folder.path());
        EXPECT_EQ(brief.wait(no_line), 3);
    }
    EXPECT_TRUE(lives(daemon));
    lasting.kill();
    EXPECT_EQ(lasting.wait(no_line), 128 + SIGKILL);
    EXPECT_FALSE(lives(daemon));
}

TEST(WorkerProcess, one_that_closed_its_output_can_still_be_cancelled) {
    const support::TemporaryFolder folder;
    WorkerProcess worker(script(folder, "exec >&-\necho x > \"$1\"/closed\nexec sleep 60\n"), folder.path());
    std::thread cancelling([&] {
        told(folder / "closed");
        worker.cancel();
    });
    EXPECT_EQ(worker.wait(no_line), 128 + SIGTERM);
    cancelling.join();
}

TEST(WorkerProcess, has_the_limit_of_open_files_that_the_service_was_started_with) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit low{256, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
    EXPECT_EQ(builders::raise_open_files(), before.rlim_max);
    const support::TemporaryFolder folder;
    WorkerProcess worker(script(folder, "ulimit -Sn > \"$1\"/limit\n"), folder.path());
    worker.wait(no_line);
    EXPECT_EQ(told(folder / "limit"), "256");
    ::setrlimit(RLIMIT_NOFILE, &before);
}

TEST(ProcessTable, a_pid_that_is_another_process_by_now_is_not_killed) {
    const support::TemporaryFolder folder;
    WorkerProcess worker(script(folder, "echo $$ > \"$1\"/pid\nexec sleep 60\n"), folder.path());
    const std::string pid = told(folder / "pid");
    ProcessStatus seen = status_of(static_cast<pid_t>(std::stol(pid))).value();
    EXPECT_EQ(seen.parent, ::getpid());
    EXPECT_EQ(seen.session, seen.pid);
    const std::string started = seen.started;
    seen.started += "0";
    kill_seen(seen);
    std::this_thread::sleep_for(50ms);
    EXPECT_TRUE(lives(pid));
    seen.started = started;
    kill_seen(seen);
    EXPECT_EQ(worker.wait(no_line), 128 + SIGKILL);
}

TEST(ProcessTable, a_stale_worker_is_killed_unless_its_pid_is_somebody_elses) {
    const support::TemporaryFolder folder;
    WorkerProcess worker(script(folder, "echo $$ > \"$1\"/pid\nexec sleep 60\n"), folder.path());
    const std::string pid = told(folder / "pid");
    std::string text;
    std::getline(std::ifstream(folder / "worker.pid"), text);
    std::ofstream(folder / "worker.pid") << pid << " 1\n";
    kill_stale_worker(folder.path());
    EXPECT_TRUE(lives(pid));
    std::ofstream(folder / "worker.pid") << text << "\n";
    kill_stale_worker(folder.path());
    EXPECT_FALSE(lives(pid));
    EXPECT_EQ(worker.wait(no_line), 128 + SIGKILL);
}

}  // namespace
}  // namespace server::jobs
