// SPDX-License-Identifier: Apache-2.0
// What a job leaves behind, with a script for its worker.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <thread>

#include "builders/plan/plan_json.hpp"
#include "server/catalog/catalog.hpp"
#include "server/jobs/job_runner.hpp"
#include "server/store/store.hpp"
#include "tests/support/judges.hpp"

namespace server::jobs {
namespace {

namespace fs = std::filesystem;
using catalog::JobState;
using testing::HasSubstr;
using testing::Not;

constexpr const char* recipe = "rootpw --plaintext rootpassword\nuser --name=ada --pass='ada password'\n%post\n%end\n";

std::string text_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

class JobEnd : public testing::Test {
protected:
    JobEnd() {
        config.data = folder.path();
        config.worker = folder / "worker";
        config.reserved_bytes = 0;
    }
    void worker(const std::string& script) {
        std::ofstream(config.worker) << "#!/bin/sh\n" << script;
        fs::permissions(config.worker, fs::perms::owner_all);
    }
    void start() { runner = JobRunner::start(config, *catalog, store); }
    catalog::Job wait_for(const std::string& id, JobState state) {
        for (int round = 0; round < 1000 && catalog->job(id)->state != state; ++round)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        EXPECT_EQ(catalog->job(id)->state, state);
        while (state != JobState::running && !runner->events(id, 1000, 10).ended) {
        }
        return *catalog->job(id);
    }
    fs::path job(const std::string& id) const { return folder / "jobs" / id; }

    // Nothing in the job's folder, its row or its events tells a password; the log and events are there.
    void expect_forgotten(const std::string& id) {
        std::vector<std::string> names;
        for (const auto& entry : fs::directory_iterator(job(id))) {
            names.push_back(entry.path().filename());
            EXPECT_THAT(text_of(entry.path()), Not(HasSubstr("password"))) << entry.path();
        }
        EXPECT_THAT(names, testing::IsSubsetOf({"log.txt", "events.jsonl"}));
        const catalog::Job row = *catalog->job(id);
        for (const std::string& text : {row.recipe, row.request, row.error, row.step})
            EXPECT_THAT(text, Not(HasSubstr("password")));
        EXPECT_THAT(row.recipe, HasSubstr("rootpw --plaintext (removed)\n")) << "the public one stays";
    }

    support::TemporaryFolder folder;
    Config config;
    std::unique_ptr<catalog::Catalog> catalog = catalog::Catalog::open(folder / "catalog.sqlite");
    store::Store store{folder / "store"};
    std::unique_ptr<JobRunner> runner;
};

TEST_F(JobEnd, a_failed_job_keeps_its_log_and_events_and_no_password) {
    worker(
        "test -s \"$1/recipe.ks\" || exit 9\n"
        "touch \"$1/plan.json\" \"$1/keep-disk\"\n"
        "echo 'root has rootpassword' >&2\n"
        "echo '{\"step\":\"set rootpassword\"}'\n"
        "echo '{\"log\":\"ada has ada password\"}'\n"
        "echo 'no JSON, rootpassword'\n"
        "echo '{\"log\":{\"odd\":\"rootpassword\"}}'\n"
        "echo '{\"error\":\"chpasswd refused rootpassword\"}'\nexit 1\n");
    start();
    const std::string id = runner->submit({recipe, "{}"});
    const catalog::Job ended = wait_for(id, JobState::failed);
    EXPECT_EQ(ended.error, "chpasswd refused (removed)");
    EXPECT_EQ(text_of(job(id) / "log.txt"), "root has (removed)\n");
    EXPECT_THAT(text_of(job(id) / "events.jsonl"), HasSubstr(R"j({"line":"ada has (removed)"})j"));
    EXPECT_THAT(text_of(job(id) / "events.jsonl"), HasSubstr(R"j({"line":"no JSON, (removed)"})j"));
    expect_forgotten(id);
}

TEST_F(JobEnd, a_job_cancelled_in_the_queue_keeps_nothing_either) {
    config.parallel_jobs = 0;
    worker("exit 1\n");
    start();
    const std::string id = runner->submit({recipe, "{}"});
    EXPECT_TRUE(fs::exists(job(id) / "recipe.ks"));
    EXPECT_TRUE(runner->cancel(id));
    expect_forgotten(id);
}

TEST_F(JobEnd, the_accepted_plan_is_the_workers_until_the_end_and_one_of_another_release_is_dropped) {
    const std::string text =
        "#xenkiln: distribution=debian-12\nrootpw --plaintext rootpassword\n"
        "part / --fstype=ext4 --size=1024\n%packages\n%end\n";
    const std::string plan = private_json(builders::plan_recipe(text, {}, "20261121").planned.plan);
    worker("test -s \"$1/plan-private\" && exit 7\nexit 8\n");
    config.parallel_jobs = 0;
    start();
    const std::string whole = runner->submit({.recipe = text, .request = "{}", .plan = plan}),
                      other = runner->submit({.recipe = text, .request = "{}", .plan = R"({"words":"of another"})"}),
                      gone = runner->submit({.recipe = text, .request = "{}", .plan = plan});
    EXPECT_EQ(text_of(job(whole) / builders::plan_file), plan);
    EXPECT_EQ(fs::status(job(whole) / builders::plan_file).permissions(), fs::perms(0600));
    EXPECT_TRUE(runner->cancel(gone));
    EXPECT_FALSE(fs::exists(job(gone) / builders::plan_file));
    runner.reset();
    config.parallel_jobs = 1;
    start();
    EXPECT_THAT(wait_for(whole, JobState::failed).error, HasSubstr("exit code 7"));
    EXPECT_THAT(wait_for(other, JobState::failed).error, HasSubstr("exit code 8"));
    for (const std::string& id : {whole, other}) EXPECT_FALSE(fs::exists(job(id) / builders::plan_file));
}

TEST_F(JobEnd, until_its_end_a_job_has_what_a_restart_needs) {
    worker("test -s \"$1/recipe.ks\" && test -s \"$1/request.json\" && echo '{\"step\":\"begun\"}' && sleep 60\n");
    start();
    const std::string id = runner->submit({recipe, "{}"});
    wait_for(id, JobState::running);
    while (catalog->job(id)->step != "begun") std::this_thread::sleep_for(std::chrono::milliseconds(10));
    runner.reset();  // the service stops in the middle
    EXPECT_EQ(text_of(job(id) / "recipe.ks"), recipe);
    EXPECT_EQ(catalog->job(id)->recipe, recipe);
    worker("test -s \"$1/recipe.ks\" && test -s \"$1/request.json\" && exit 7\nexit 1\n");
    start();
    EXPECT_THAT(wait_for(id, JobState::failed).error, HasSubstr("exit code 7"));
    expect_forgotten(id);
}

TEST_F(JobEnd, what_a_crash_between_row_and_folder_left_the_next_start_takes) {
    config.parallel_jobs = 0;
    worker("exit 1\n");
    start();
    const std::string id = runner->submit({recipe, "{}"});
    runner.reset();
    catalog::Job row = *catalog->job(id);
    row.state = JobState::failed;
    catalog->update_job(row);
    start();
    expect_forgotten(id);
}

}  // namespace
}  // namespace server::jobs
