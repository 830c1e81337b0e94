// SPDX-License-Identifier: Apache-2.0
#include "formats/xva/xva_forward.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/base/errors.hpp"
#include "formats/image/open_image.hpp"
#include "formats/image/plan_output.hpp"
#include "formats/stream/ahead_source.hpp"
#include "formats/xva/xva.hpp"
#include "tests/support/test_disks.hpp"

namespace {

using formats::xva::open_xva_forward;
using support::mib;

std::vector<std::byte> archive_of(const std::vector<formats::BlockSource*>& disks) {
    support::MemorySink sink;
    formats::plan_output({formats::Format::xva}, disks, {})->write(sink);
    return sink.bytes;
}

std::vector<std::byte> raw_of(formats::BlockSource& disk) {
    support::MemorySink sink;
    formats::plan_output({formats::Format::raw}, {&disk}, {})->write(sink);
    return sink.bytes;
}

std::unique_ptr<formats::ByteSource> source(std::vector<std::byte> bytes) {
    return std::make_unique<support::MemorySource>(std::move(bytes), 4096);
}

TEST(XvaForward, each_disk_of_three_is_read_from_a_stream) {
    support::MemoryDisk a(9 * mib), b(30 * mib), c(mib);
    a.fill(5 * mib, 70'000, 1);
    b.fill(0, 12 * mib, 2);
    b.fill(29 * mib, 512, 3);
    const std::vector<std::byte> bytes = archive_of({&a, &b, &c});
    const std::vector<formats::BlockSource*> disks{&a, &b, &c};
    for (std::size_t i = 0; i < disks.size(); ++i) {
        const formats::xva::XvaImage image = open_xva_forward(source(bytes));
        ASSERT_EQ(image.disks.size(), 3U);
        EXPECT_EQ(raw_of(*image.disks[i]), raw_of(*disks[i])) << i;
    }
}

TEST(XvaForward, what_lies_behind_is_gone) {
    support::MemoryDisk disk(9 * mib);
    disk.fill(0, 9 * mib, 1);
    const formats::xva::XvaImage image = open_xva_forward(source(archive_of({&disk})));
    std::vector<std::byte> out(100);
    image.disks[0]->read_at(3 * mib, out);
    EXPECT_THROW(image.disks[0]->read_at(mib, out), std::logic_error);
}

TEST(XvaForward, damage_anywhere_fails_before_the_last_chunk_is_given) {
    support::MemoryDisk disk(12 * mib);
    disk.fill(0, 12 * mib, 1);
    const std::vector<std::byte> good = archive_of({&disk});
    const auto fails = [&](const std::vector<std::byte>& bytes) {
        EXPECT_THROW(raw_of(*open_xva_forward(source(bytes)).disks[0]), formats::CorruptImage) << bytes.size();
    };
    for (const std::size_t at : {good.size() / 3, good.size() / 2, good.size() - 3000}) {
        std::vector<std::byte> bytes = good;
        bytes[at] ^= std::byte{1};
        fails(bytes);
    }
    std::vector<std::byte> bytes = good;
    bytes.resize(good.size() - mib);
    fails(bytes);
    bytes = good;
    bytes.push_back(std::byte{1});  // behind the end blocks
    fails(bytes);
    bytes = good;
    bytes.resize(good.size() - 1024);  // without them, as xapi takes it
    EXPECT_EQ(raw_of(*open_xva_forward(source(bytes)).disks[0]), raw_of(disk));
    bytes.insert(bytes.end(), good.begin(), good.end());  // another archive behind it
    fails(bytes);
}

TEST(AheadSource, gives_all_bytes_then_what_went_wrong) {
    class Failing : public formats::ByteSource {
    public:
        std::size_t read(std::span<std::byte> out) override {
            if (left_ == 0) throw formats::CorruptImage("broken here");
            const std::size_t count = std::min({out.size(), left_, std::size_t{70'000}});
            std::ranges::fill(out.first(count), std::byte{7});
            left_ -= count;
            return count;
        }

    private:
        std::size_t left_ = 3 * (512 << 10);
    } failing;
    formats::AheadSource ahead(failing);
    std::vector<std::byte> out(100'000);
    std::size_t got = 0;
    EXPECT_THROW(for (;;) got += ahead.read(out), formats::CorruptImage);
    EXPECT_EQ(got, 3 * (512 << 10));
    support::MemorySource endless(std::vector<std::byte>(64 * mib), 4096);
    const formats::AheadSource unread(endless);  // ends without being read
}

}  // namespace
