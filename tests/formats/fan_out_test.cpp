// SPDX-License-Identifier: Apache-2.0
#include "formats/disk/fan_out.hpp"

#include <gtest/gtest.h>

#include <future>

#include "formats/image/plan_output.hpp"
#include "tests/support/test_disks.hpp"

namespace {

using support::mib;

// Counts the bytes that are read from it.
class CountedDisk : public formats::BlockSource {
public:
    explicit CountedDisk(formats::BlockSource& disk) : disk_(disk) {}
    std::uint64_t virtual_size() const override { return disk_.virtual_size(); }
    formats::Extent extent_at(std::uint64_t offset) override { return disk_.extent_at(offset); }
    void read_at(std::uint64_t offset, std::span<std::byte> out) override {
        bytes += out.size();
        disk_.read_at(offset, out);
    }
    std::uint64_t bytes = 0;

private:
    formats::BlockSource& disk_;
};

TEST(FanOut, three_outputs_are_right_and_the_disk_is_read_once) {
    support::MemoryDisk disk(96 * mib);
    disk.fill(0, 6 * mib, 3);
    disk.fill(80 * mib, 2 * mib, 3);
    CountedDisk counted(disk);
    const char* kinds[] = {"qcow2", "vhd", "xva"};
    formats::FanOut fan(counted, 3);
    std::vector<std::future<std::vector<std::byte>>> running;
    for (std::size_t i = 0; i < 3; ++i)
        running.push_back(std::async(std::launch::async, [&, i] {
            support::MemorySink sink;
            plan_output(*formats::output_kind_from(kinds[i]), {&fan.reader(i)}, {})->write(sink);
            fan.done(i);
            return std::move(sink.bytes);
        }));
    for (std::size_t i = 0; i < 3; ++i) {
        support::MemorySink alone;
        plan_output(*formats::output_kind_from(kinds[i]), {&disk}, {})->write(alone);
        EXPECT_EQ(running[i].get(), alone.bytes) << kinds[i];
    }
    EXPECT_LE(counted.bytes, 12 * mib);  // 8 of data, and chunks that are not all data
}

TEST(FanOut, a_failure_of_one_ends_the_others) {
    support::MemoryDisk disk(64 * mib);
    disk.fill(0, 18 * mib, 3);  // more than the window
    formats::FanOut fan(disk, 2);
    auto waiting = std::async(std::launch::async, [&] {
        support::MemorySink sink;
        formats::plan_output({formats::Format::raw}, {&fan.reader(0)}, {})->write(sink);
    });
    fan.cancel();
    EXPECT_THROW(waiting.get(), formats::Cancelled);
}

}  // namespace
