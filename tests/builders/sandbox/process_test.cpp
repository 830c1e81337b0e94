// SPDX-License-Identifier: Apache-2.0
#include "builders/sandbox/process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <system_error>
#include <thread>

#include "builders/job/errors.hpp"

namespace {

using builders::capture;
using builders::Command;
using builders::run;

Command shell(const std::string& script) {
    Command command;
    command.argv = {"sh", "-c", script};
    command.environment = builders::plain_environment();
    return command;
}

TEST(Process, lines_of_both_outputs_arrive_and_the_exit_code_too) {
    std::vector<std::string> lines;
    const auto outcome = run(shell("echo one; echo two >&2; printf 'a\\rb'; exit 3"),
                             [&](std::string_view line) { lines.emplace_back(line); });
    EXPECT_EQ(outcome.exit_code, 3);
    EXPECT_THAT(lines, testing::ElementsAre("one", "two", "a", "b"));
}

TEST(Process, a_signal_is_128_more) {
    EXPECT_EQ(run(shell("kill -9 $$"), {}).exit_code, 137);
}

TEST(Process, input_is_fed_even_when_it_is_long_and_when_nobody_reads_it) {
    Command command = shell("wc -c");
    command.input.assign(3'000'000, 'x');
    EXPECT_THAT(capture(command), testing::HasSubstr("3000000"));
    command.argv = {"true"};
    EXPECT_TRUE(run(command, {}).ok());
}

TEST(Process, nothing_is_inherited) {
    ::setenv("XENKILN_SECRET", "secret", 1);
    EXPECT_EQ(capture(shell("echo $XENKILN_SECRET; ls /proc/self/fd | wc -l")), "4\n");
}

TEST(Process, a_program_that_is_not_there_is_named) {
    Command command;
    command.argv = {"no-such-program"};
    try {
        run(command, {});
        FAIL();
    } catch (const std::system_error& error) {
        EXPECT_THAT(error.what(), testing::HasSubstr("no-such-program"));
    }
}

TEST(Process, stopping_kills_the_whole_group_promptly) {
    std::stop_source stop;
    std::jthread asker([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
        stop.request_stop();
    });
    const auto started = std::chrono::steady_clock::now();
    EXPECT_THROW(run(shell("sleep 100 & sleep 100"), {}, stop.get_token()), builders::Cancelled);
    EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(5));
}

TEST(Process, a_failing_tool_is_quoted) {
    try {
        capture(shell("echo because; exit 4"));
        FAIL();
    } catch (const builders::StepFailed& error) {
        EXPECT_THAT(error.what(), testing::AllOf(testing::HasSubstr("because"), testing::HasSubstr("4")));
    }
}

}  // namespace
