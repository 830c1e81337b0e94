// SPDX-License-Identifier: Apache-2.0
#include "formats/base/workers.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <stdexcept>

namespace {

using formats::Workers;

TEST(Workers, each_is_done_once_by_several_threads) {
    Workers workers(3);
    std::vector<std::atomic<int>> done(1000);
    std::mutex mutex;
    std::set<std::thread::id> threads;
    workers.each(done.size(), [&](std::size_t i) {
        ++done[i];
        const std::lock_guard lock(mutex);
        threads.insert(std::this_thread::get_id());
    });
    for (const auto& count : done) EXPECT_EQ(count, 1);
    EXPECT_LE(threads.size(), 3U);
    workers.each(0, [](std::size_t) { FAIL(); });
}

TEST(Workers, what_one_throws_is_thrown_when_all_have_ended) {
    for (const unsigned threads : {1U, 4U}) {
        Workers workers(threads);
        std::atomic<int> running = 0;
        const auto work = [&](std::size_t i) {
            ++running;
            std::this_thread::yield();
            --running;
            if (i == 40) throw std::runtime_error("the fortieth");
        };
        EXPECT_THROW(workers.each(100, work), std::runtime_error);
        EXPECT_EQ(running, 0);
    }
}

}  // namespace
