// SPDX-License-Identifier: Apache-2.0
#include "server/jobs/event_log.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "formats/base/whole_file.hpp"
#include "tests/support/small_disk.hpp"

namespace {

namespace fs = std::filesystem;
using server::Event;
using server::jobs::EventLog;

std::vector<Event> all_of(EventLog& log) {
    std::vector<Event> all;
    for (;;) {
        const auto found = log.after(all.size(), 0);
        if (found.events.empty()) return all;
        for (const Event& event : found.events) {
            EXPECT_EQ(event.sequence, all.size() + 1);
            all.push_back(event);
        }
    }
}

std::string types_of(EventLog& log) {
    std::string types;
    for (const Event& event : all_of(log)) types += event.type + " ";
    return types;
}

TEST(EventLog, goes_on_after_what_is_there_and_cuts_off_half_a_line) {
    const support::TemporaryFolder folder;
    const fs::path file = folder / "events.jsonl";
    {
        EventLog log(file);
        log.append("state", R"({"state":"queued"})");
        log.append("log", R"({"line":"one"})");
    }
    std::ofstream(file, std::ios::app) << R"({"id":3,"type":"log","da)";
    EventLog log(file);
    EXPECT_EQ(types_of(log), "state log ");
    log.append("step", R"({"step":"three"})");
    EXPECT_EQ(types_of(log), "state log step ");
    EXPECT_EQ(all_of(log)[2].data, R"({"step":"three"})");
    EXPECT_FALSE(log.after(3, 0).ended);
    log.end();
    EXPECT_TRUE(log.after(3, 0).ended);
}

TEST(EventLog, events_that_a_full_disk_refused_have_no_number_and_listeners_go_on) {
    const std::string why_not = support::on_a_small_disk(64 << 10, [](const fs::path& folder) {
        const fs::path file = folder / "events.jsonl";
        EventLog log(file);
        log.append("state", R"({"state":"running"})");
        support::fill(folder);
        const std::string line = R"({"line":")" + std::string(200, 'x') + R"("})";
        for (int i = 0; i < 100; ++i) log.append("log", line);
        const std::size_t told = all_of(log).size();  // what went into the file's last page
        ASSERT_GT(told, 1U);
        ASSERT_LT(told, 101U);
        const std::string text = formats::read_whole_file(file);
        EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(text, '\n')), told);
        EXPECT_EQ(text.back(), '\n') << "no part of a line that was not written";
        EXPECT_FALSE(log.after(told, 0).ended);

        fs::remove(folder / "filler");
        log.append("step", R"({"step":"publish"})");
        const auto more = log.after(told, 0).events;
        ASSERT_EQ(more.size(), 2U);
        EXPECT_EQ(more[0].sequence, told + 1);
        EXPECT_EQ(more[0].type, "lost");
        EXPECT_EQ(more[0].data, R"({"events":)" + std::to_string(101 - told) + "}");
        EXPECT_EQ(more[1].type, "step");
        log.append("log", line);
        log.end();
        EXPECT_TRUE(log.after(told + 3, 0).ended);

        EventLog later(file);
        EXPECT_EQ(types_of(later), types_of(log)) << "as told while it was written, so after a restart";
    });
    if (!why_not.empty()) GTEST_SKIP() << why_not;
}

TEST(EventLog, a_listener_that_waits_while_the_disk_is_full_hears_what_comes_after) {
    const std::string why_not = support::on_a_small_disk(64 << 10, [](const fs::path& folder) {
        support::fill(folder);
        EventLog log(folder / "events.jsonl");
        log.append("state", R"({"state":"running"})");
        EXPECT_TRUE(log.after(0, 0).events.empty());
        std::thread later([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
            fs::remove(folder / "filler");
            log.append("state", R"({"state":"done"})");
        });
        const auto heard = log.after(0, 20000).events;
        later.join();
        ASSERT_EQ(heard.size(), 2U);
        EXPECT_EQ(heard[0].data, R"({"events":1})");
        EXPECT_EQ(heard[1].data, R"({"state":"done"})");
    });
    if (!why_not.empty()) GTEST_SKIP() << why_not;
}

TEST(EventLog, one_whose_file_cannot_be_made_begins_when_it_can) {
    const support::TemporaryFolder folder;
    EventLog log(folder / "later" / "events.jsonl");
    log.append("state", R"({"state":"queued"})");
    EXPECT_EQ(types_of(log), "");
    fs::create_directory(folder / "later");
    log.append("state", R"({"state":"running"})");
    EXPECT_EQ(types_of(log), "lost state ");
}

TEST(EventLog, a_damaged_line_is_told_as_lost_and_the_others_are_heard) {
    const support::TemporaryFolder folder;
    std::ofstream(folder / "events.jsonl") << R"({"id":1,"type":"log","data":{"line":"one"}})"
                                           << "\n"
                                           << R"({"id":2,"type":"lo{"id":3,"type":"log","data":{}})"
                                           << "\n"
                                           << "7\n"
                                           << R"({"id":4,"type":"state","data":{"state":"done"}})"
                                           << "\n";
    EventLog log(folder / "events.jsonl");
    log.end();
    EXPECT_EQ(types_of(log), "log lost lost state ");
    EXPECT_TRUE(log.after(4, 0).ended);
}

TEST(EventLog, a_file_that_cannot_be_read_now_is_not_the_end_of_the_events) {
    const support::TemporaryFolder folder;
    EventLog log(folder / "events.jsonl");
    log.append("state", R"({"state":"done"})");
    log.end();
    fs::rename(folder / "events.jsonl", folder / "away");
    EXPECT_FALSE(log.after(0, 0).ended);
    fs::rename(folder / "away", folder / "events.jsonl");
    EXPECT_TRUE(log.after(0, 0).ended);
    EXPECT_EQ(types_of(log), "state ");
}

}  // namespace
