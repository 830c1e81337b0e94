// SPDX-License-Identifier: Apache-2.0
#include "server/jobs/queue_bound.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "server/clock.hpp"
#include "tests/server/fakes.hpp"
#include "tests/support/judges.hpp"

namespace server::jobs {
namespace {

using catalog::Job;
using catalog::JobState;

Job queued(const std::string& id) {
    return {id, "build", JobState::queued, "{}", "", "2026-11-21T06:00:00Z", "", "", 0, "", 0, "", ""};
}

TEST(QueueBound, counting_and_adding_are_one_step_for_many_threads) {
    const support::TemporaryFolder folder;
    const auto catalog = catalog::Catalog::open(folder / "catalog.sqlite");
    std::atomic<int> added = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 10; ++i)
                if (catalog->add_queued(queued("j" + std::to_string(t) + "-" + std::to_string(i)), 7) < 7) ++added;
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(added, 7);
    EXPECT_EQ(catalog->jobs("build", 100).size(), 7);
    EXPECT_EQ(catalog->add_queued(queued("more"), 7), 7);
    ASSERT_TRUE(catalog->claim_job("2026-11-21T06:00:01Z"));
    EXPECT_EQ(catalog->add_queued(queued("more"), 7), 6);  // what runs does not wait
}

TEST(QueueBound, the_wait_is_a_runs_length_divided_by_how_many_run_at_once) {
    EXPECT_EQ(seconds_until_room({}, 1), unknown_wait);
    EXPECT_EQ(
        seconds_until_room(
            {{"2026-11-21T06:00:00Z", "2026-11-21T06:04:00Z"}, {"2026-11-21T06:00:00Z", "2026-11-21T06:02:00Z"}}, 2),
        90);
    EXPECT_EQ(seconds_until_room({{"2026-11-21T06:00:00Z", "2026-11-21T06:00:00Z"}}, 1), least_wait);
    EXPECT_EQ(seconds_until_room({{"2026-11-21T06:00:00Z", "2026-11-23T06:00:00Z"}}, 1), most_wait);
    EXPECT_EQ(seconds_until_room({{"2026-11-21T06:00:00Z", "2026-11-21T05:00:00Z"}, {"", "x"}}, 1), unknown_wait);
}

TEST(QueueBound, the_last_runs_are_those_of_jobs_that_ran_to_an_end) {
    const support::TemporaryFolder folder;
    const auto catalog = catalog::Catalog::open(folder / "catalog.sqlite");
    int number = 0;
    for (const JobState state : {JobState::done, JobState::failed, JobState::cancelled, JobState::running}) {
        Job job = queued("j" + std::to_string(number++));
        job.state = state;
        job.started = rfc3339(1000);
        if (state != JobState::running) job.finished = rfc3339(1000 + number);
        catalog->add_job(job);
    }
    using Runs = std::vector<std::pair<std::string, std::string>>;
    EXPECT_EQ(catalog->last_runs(5), (Runs{{rfc3339(1000), rfc3339(1002)}, {rfc3339(1000), rfc3339(1001)}}));
    EXPECT_EQ(catalog->last_runs(1).size(), 1);
    EXPECT_EQ(unix_of(rfc3339(1234567890)), 1234567890);
    EXPECT_FALSE(unix_of("yesterday"));
}

class FullQueue : public support::ApiTest {};

TEST_F(FullQueue, is_answered_with_429_and_when_to_come_back) {
    runner.full.emplace(100, 100, 240);
    const Response response = post(support::tiny_recipe());
    const auto told = problem(response, 429);
    EXPECT_EQ(header(response, "Retry-After"), "240");
    EXPECT_EQ(told.at("queued").to_number<int>(), 100);
    EXPECT_EQ(told.at("queued_limit").to_number<int>(), 100);
    EXPECT_EQ(told.at("retry_after").to_number<int>(), 240);
}

}  // namespace
}  // namespace server::jobs
