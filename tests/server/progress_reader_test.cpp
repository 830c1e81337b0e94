// SPDX-License-Identifier: Apache-2.0
#include "server/jobs/progress_reader.hpp"

#include <gmock/gmock.h>

#include "tests/server/fakes.hpp"
#include "tests/support/judges.hpp"

namespace server::jobs {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

class HostileWorker : public testing::Test {
protected:
    std::vector<Event> events() {
        std::vector<Event> all;
        for (;;) {
            const auto some = log.after(all.size(), 0).events;
            if (some.empty()) return all;
            all.insert(all.end(), some.begin(), some.end());
        }
    }
    double progress() { return reader.job().progress; }

    support::TemporaryFolder folder;
    support::FakeCatalog catalog;
    EventLog log{folder / "events.jsonl"};
    ProgressReader reader{{}, log, catalog};
};

TEST_F(HostileWorker, whose_lines_are_not_of_the_protocol_gets_them_logged_and_fails_nothing) {
    const std::vector<std::string> lines{
        R"({"steps":[{"name":"a"}]})",
        R"({"steps":[{"weight":1}]})",
        R"({"steps":[7]})",
        R"({"steps":[{"name":"a","weight":-1}]})",
        R"({"steps":[{"name":"a","weight":1e300}]})",
        R"({"steps":[{"name":"a","weight":"1"}]})",
        R"({"steps":[{"name":"a\u001b","weight":1}]})",
        R"({"steps":{"name":"a"}})",
        R"({"step":""})",
        R"({"step":"\n"})",
        R"({"step":")" + std::string(500, 's') + R"("})",
        R"({"fraction":"0.5"})",
        R"({"log":{"a":[1,2]}})",
        R"({"error":7})",
        R"({"step":"a","fraction":0.5})",
        R"({"fraction":NaN})",
        std::string(100000, '['),
        "no json \xff\xfe\x1b[2J",
        "",
    };
    for (const std::string& line : lines) EXPECT_NO_THROW(reader.line(line)) << line;
    EXPECT_EQ(progress(), 0);
    EXPECT_TRUE(reader.job().error.empty());
    EXPECT_TRUE(reader.job().step.empty());
    const auto all = events();
    EXPECT_EQ(all.size(), lines.size());
    for (const Event& event : all) {
        EXPECT_EQ(event.type, "log");
        EXPECT_LT(event.data.size(), ProgressReader::most_text + 200);
    }
}

TEST_F(HostileWorker, that_says_a_million_lines_has_some_kept_and_one_that_says_so) {
    for (std::size_t i = 0; i < ProgressReader::most_lines + 5000; ++i) reader.line("line");
    const auto all = events();
    ASSERT_EQ(all.size(), ProgressReader::most_lines + 1);
    EXPECT_THAT(all.back().data, HasSubstr("what follows is left out"));
}

TEST_F(HostileWorker, that_says_long_lines_has_them_cut_and_bounded_in_all) {
    const std::string line = R"({"log":")" + std::string(20000, 'x') + R"("})";
    std::size_t bytes = 0;
    for (int i = 0; i < 3000; ++i) reader.line(line);
    for (const Event& event : events()) bytes += event.data.size();
    EXPECT_LT(bytes, ProgressReader::most_bytes + (1 << 20));
    EXPECT_THAT(events().front().data, HasSubstr("… (20000 bytes)"));
}

TEST_F(HostileWorker, that_begins_a_thousand_steps_begins_some) {
    for (int i = 0; i < 1000; ++i) reader.line(R"({"step":"again"})");
    const auto all = events();
    EXPECT_EQ(all.size(), ProgressReader::most_steps + 1);
    EXPECT_EQ(all.back().type, "log");
}

TEST_F(HostileWorker, cannot_take_progress_back_or_beyond_its_end) {
    reader.line(R"({"steps":[{"name":"a","weight":1},{"name":"b","weight":1}]})");
    reader.line(R"({"step":"b"})");
    reader.line(R"({"fraction":0.8})");
    const double reached = progress();
    EXPECT_GT(reached, 0.3);
    reader.line(R"({"fraction":-5})");
    reader.line(R"({"steps":[{"name":"a","weight":1000000}]})");
    reader.line(R"({"step":"a"})");
    EXPECT_GE(progress(), reached);
    reader.line(R"({"fraction":1e308})");
    EXPECT_LE(progress(), 0.99);
}

TEST_F(HostileWorker, cannot_make_its_error_a_book) {
    reader.line(R"({"error":")" + std::string(100000, 'e') + R"("})");
    EXPECT_LT(reader.job().error.size(), ProgressReader::most_text + 100);
    EXPECT_THAT(reader.job().error, HasSubstr("(100000 bytes)"));
}

}  // namespace
}  // namespace server::jobs
