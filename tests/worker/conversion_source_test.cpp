// SPDX-License-Identifier: Apache-2.0
#include "worker/conversion_source.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>

#include "builders/job/errors.hpp"

namespace {

namespace fs = std::filesystem;
namespace network = builders::network;
using namespace worker;
using testing::HasSubstr;

class ConversionSourceTest : public testing::Test {
protected:
    ConversionSourceTest() {
        fs::remove_all(folder);
        fs::create_directories(folder / fetched_folder);
        source.kind = ConversionSource::Kind::url;
        source.url = "https://images.example/web.qcow2?token=1";
        source.sha256 = std::string(64, 'a');
        host.allowed_hosts = {"images.example"};
    }
    ~ConversionSourceTest() override { fs::remove_all(folder); }

    void fetch_it(const Fetch& fetch) {
        LineProgress progress;
        fetch_source(folder, source, host, 1000, fetch, progress, {});
    }

    fs::path folder = fs::path(testing::TempDir()) / ("conversion_source_test." + std::to_string(::getpid()));
    ConversionSource source;
    builders::BuildHost host;
    const boost::json::object request{{"source", {{"name", "the source"}}}};
};

TEST_F(ConversionSourceTest, an_address_is_fetched_once_and_brings_its_name) {
    int calls = 0;
    const Fetch fetch = [&](const network::FetchRequest& wanted, const std::stop_token&) -> network::Fetched {
        ++calls;
        EXPECT_EQ(wanted.url, source.url);
        EXPECT_EQ(wanted.sha256, source.sha256);
        EXPECT_EQ(wanted.max_bytes, 1000U);
        EXPECT_EQ(wanted.allowed_hosts, host.allowed_hosts);
        std::ofstream(wanted.file) << "image";
        EXPECT_EQ(source_file(folder), folder / "source") << "it has its name before all of it is there";
        return {5, std::string(64, 'a'), "https://mirror.example/x", "web.qcow2"};
    };
    EXPECT_EQ(source_facts(folder, request).name, "the source");
    fetch_it(fetch);
    EXPECT_NE(source_file(folder), folder / "source");
    EXPECT_EQ(fs::file_size(source_file(folder)), 5U);
    EXPECT_EQ(source_facts(folder, request).name, "web.qcow2");
    EXPECT_EQ(source_facts(folder, request).sha256, std::string(64, 'a'));
    fetch_it(fetch);  // a later attempt, after a restart
    EXPECT_EQ(calls, 1);
}

TEST_F(ConversionSourceTest, a_fetch_that_fails_leaves_what_came_for_the_next_attempt) {
    const Fetch breaks = [](const network::FetchRequest& wanted, const std::stop_token&) -> network::Fetched {
        std::ofstream(wanted.file) << "half";
        throw network::FetchFailed("the connection broke");
    };
    EXPECT_THROW(fetch_it(breaks), network::FetchFailed);
    EXPECT_TRUE(fs::exists(folder / fetched_folder / "source.part"));
    EXPECT_EQ(source_file(folder), folder / "source");
    EXPECT_THROW(fetch_it({}), builders::StepFailed);
}

TEST_F(ConversionSourceTest, what_is_read_is_counted_until_it_is_stopped) {
    std::ofstream(folder / "source") << std::string(1000, 'x');
    std::stop_source stop;
    WatchedFile file(folder / "source", stop.get_token());
    std::vector<std::byte> buffer(300);
    file.read_at(0, buffer);
    file.read_at(500, buffer);
    EXPECT_EQ(file.bytes_read(), 600U);
    stop.request_stop();
    EXPECT_THROW(file.read_at(0, buffer), builders::Cancelled);
    EXPECT_THROW(file.extent_at(0), builders::Cancelled);
}

TEST_F(ConversionSourceTest, a_limit_that_is_passed_stops_it_and_says_which) {
    const auto why = [&](const builders::Limits& limits) {
        const ConversionWatch watch(folder, limits, {});
        for (int i = 0; i < 200 && !watch.stop().stop_requested(); ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        EXPECT_TRUE(watch.stop().stop_requested());
        return watch.struck();
    };
    builders::Limits limits;
    limits.seconds = 0;
    EXPECT_THAT(why(limits), HasSubstr("limit of 0 s"));
    limits = {};
    limits.left = std::uint64_t{1} << 60;
    EXPECT_THAT(why(limits), HasSubstr("MiB must be"));
}

TEST_F(ConversionSourceTest, being_cancelled_is_no_limit) {
    std::stop_source cancel;
    const ConversionWatch watch(folder, {}, cancel.get_token());
    EXPECT_FALSE(watch.stop().stop_requested());
    cancel.request_stop();
    EXPECT_TRUE(watch.stop().stop_requested());
    EXPECT_EQ(watch.struck(), "");
}

}  // namespace
