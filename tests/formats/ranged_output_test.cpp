// SPDX-License-Identifier: Apache-2.0
// Any range of an output that is never written equals the same bytes of the file that is.
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "formats/image/plan_output.hpp"
#include "formats/stream/tar.hpp"
#include "tests/support/test_disks.hpp"

namespace {

using formats::BlockSource;
using formats::PlannedOutput;
using formats::RangedOutput;
using support::MemoryDisk;
using support::mib;
using support::SparseFile;

// "xva.zst" has the other checksum; its packing is not part of a plan.
const std::vector<std::string> kinds{"raw", "qcow2", "vhd", "vhd-fixed", "xva", "xva.zst"};

struct Written {
    Written(const std::string& kind, const std::vector<BlockSource*>& disks) {
        formats::Hardware hardware;
        hardware.name = "test";
        plan = plan_output(*formats::output_kind_from(kind), disks, hardware);
        plan->write(file);
    }
    const RangedOutput& ranged() const { return *plan->ranged(); }

    // Empty when the range equals the file's.
    std::string check(std::uint64_t offset, std::uint64_t length) {
        wanted.resize(length);
        found.resize(length);
        std::memset(found.data(), 0xaa, length);
        file.read_at(offset, wanted);
        ranged().read_at(offset, found);
        if (std::memcmp(wanted.data(), found.data(), length) == 0) return "";
        const auto differ = std::ranges::mismatch(wanted, found);
        return "range " + std::to_string(offset) + "+" + std::to_string(length) + " of " +
               std::to_string(ranged().size()) + " differs at byte " +
               std::to_string(offset + static_cast<std::uint64_t>(differ.in1 - wanted.begin()));
    }
    // Lengths from 1 byte to 300 KiB, each magnitude as often.
    std::string check_random(std::mt19937_64& random, int count) {
        for (int i = 0; i < count; ++i) {
            const std::uint64_t offset = random() % ranged().size();
            const std::uint64_t most =
                std::min<std::uint64_t>(std::uint64_t{1} << random() % 19, ranged().size() - offset);
            if (auto wrong = check(offset, 1 + random() % most); !wrong.empty()) return wrong;
        }
        return "";
    }
    std::string check_around(std::uint64_t place) {
        for (const std::uint64_t before : {0, 3, 513})
            for (const std::uint64_t behind : {1, 700}) {
                if (place < before || place - before >= ranged().size()) continue;
                const std::uint64_t from = place - before;
                if (auto wrong = check(from, std::min(before + behind, ranged().size() - from)); !wrong.empty())
                    return wrong;
            }
        return "";
    }

    std::unique_ptr<PlannedOutput> plan;
    SparseFile file;
    std::vector<std::byte> wanted, found;
};

class RangedMatrix : public testing::TestWithParam<support::TestDisk> {};
INSTANTIATE_TEST_SUITE_P(Disks, RangedMatrix, testing::ValuesIn(support::test_disks()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(RangedMatrix, ranges_of_every_format_equal_the_file) {
    MemoryDisk disk = GetParam().make();
    std::mt19937_64 random(2026);
    for (const std::string& kind : kinds) {
        Written written(kind, {&disk});
        ASSERT_EQ(written.ranged().size(), written.file.virtual_size()) << kind;
        EXPECT_EQ(written.check_random(random, 60), "") << kind;
        // Where the file's own data begins and ends, and its ends.
        std::vector<std::uint64_t> places{0, written.ranged().size() - 1};
        for (std::uint64_t at = 0; at < written.file.virtual_size() && places.size() < 200;) {
            const formats::Extent extent = written.file.extent_at(at);
            if (places.size() % 16 == 0 || extent.length > 4096) places.push_back(at);
            at += extent.length;
        }
        for (const std::uint64_t place : places) EXPECT_EQ(written.check_around(place), "") << kind;
    }
}

TEST(RangedOutput, small_files_are_the_same_from_end_to_end_in_odd_steps) {
    MemoryDisk disk(2 * mib + 1536);
    disk.fill(mib, 100, 7);
    disk.fill(2 * mib - 10, 1'000, 7);
    for (const std::string& kind : kinds) {
        Written written(kind, {&disk});
        for (const std::uint64_t step : {65'537U, 16'381U, 1'048'577U})
            for (std::uint64_t at = 0; at < written.ranged().size(); at += step)
                ASSERT_EQ(written.check(at, std::min<std::uint64_t>(step, written.ranged().size() - at)), "") << kind;
    }
}

TEST(RangedOutput, every_member_of_an_xva_of_several_disks) {
    MemoryDisk first(3 * mib), second(2 * mib + 512), third(70 * mib);
    first.fill(0, 3 * mib, 5);
    second.fill(2 * mib, 512, 6);
    third.fill(33 * mib, 9000, 7);
    for (const char* kind : {"xva", "xva.zst"}) {
        Written written(kind, {&first, &second, &third});
        ASSERT_EQ(written.ranged().size(), written.file.virtual_size());
        std::uint64_t at = 0, members = 0;
        for (; at + 2 * formats::tar::block < written.file.virtual_size(); ++members) {
            std::array<std::byte, formats::tar::block> header{};
            written.file.read_at(at, header);
            const auto member = formats::tar::parse_header(header, at);
            ASSERT_TRUE(member);
            for (const std::uint64_t place : {at, at + formats::tar::block, at + formats::tar::block + member->size})
                EXPECT_EQ(written.check_around(place), "") << member->name;
            at += formats::tar::member_size(member->size);
        }
        EXPECT_EQ(members, 1 + 2 * (3 + 2 + 3))
            << "ova.xml, the disks' chunks with data and their last, their checksums";
        EXPECT_EQ(written.check_around(at), "");
    }
}

TEST(RangedOutput, every_table_of_a_large_qcow2_and_vhd) {
    MemoryDisk disk(std::uint64_t{3} << 40);
    for (std::uint64_t i = 0; i < 40; ++i)
        disk.fill(i * i * i * 7 * mib + i * 65536, 66'000, static_cast<unsigned>(i + 1));
    std::mt19937_64 random(7);
    for (const char* kind : {"qcow2", "vhd"}) {
        MemoryDisk half(std::uint64_t{1} << 40);
        for (std::uint64_t i = 0; i < 40; ++i) half.fill(i * i * i * 7 * mib, 66'000, static_cast<unsigned>(i + 1));
        Written written(kind, {kind == std::string("vhd") ? &half : &disk});
        for (std::uint64_t at = 0; at < written.ranged().size(); at += 65536)
            ASSERT_EQ(written.check(at, std::min<std::uint64_t>(512, written.ranged().size() - at)), "") << kind;
        EXPECT_EQ(written.check_random(random, 200), "") << kind;
    }
}

TEST(RangedOutput, random_disks_in_random_formats) {
    for (unsigned seed = 1; seed <= 25; ++seed) {
        std::mt19937_64 random(seed);
        MemoryDisk disk(1 + random() % (9 * mib), std::uint64_t{512} << random() % 8);
        for (std::uint64_t i = random() % 9; i > 0; --i) {
            const std::uint64_t offset = random() % disk.virtual_size();
            disk.fill(offset, 1 + random() % std::min<std::uint64_t>(40'000, disk.virtual_size() - offset), seed);
        }
        const std::string& kind = kinds[random() % kinds.size()];
        Written written(kind, {&disk});
        ASSERT_EQ(written.ranged().size(), written.file.virtual_size()) << kind << ", seed " << seed;
        ASSERT_EQ(written.check_random(random, 40), "") << kind << ", seed " << seed;
    }
}

TEST(RangedOutput, packed_clusters_have_none) {
    MemoryDisk disk(mib);
    disk.fill(0, 4096, 1);
    EXPECT_EQ(plan_output(*formats::output_kind_from("qcow2-zstd"), {&disk}, {})->ranged(), nullptr);
}

}  // namespace
