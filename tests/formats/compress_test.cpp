// SPDX-License-Identifier: Apache-2.0
#include "formats/stream/compress.hpp"

#include <gtest/gtest.h>
#include <zstd.h>

#include <random>

#include "formats/base/errors.hpp"
#include "formats/stream/packed_blocks.hpp"
#include "tests/support/memory.hpp"
#include "tests/support/test_disks.hpp"

namespace {

using formats::Compression;
using support::all_of;

std::vector<std::byte> sample(std::size_t size) {
    std::vector<std::byte> bytes(size);
    std::uint32_t state = 1;
    for (std::size_t i = 0; i < size; ++i) {
        if (i % 7 == 0) state = state * 1664525 + 1013904223;
        bytes[i] = static_cast<std::byte>(state >> 24);
    }
    return bytes;
}

std::vector<std::byte> packed(Compression kind, const std::vector<std::byte>& bytes, unsigned threads = 1) {
    support::MemorySink sink;
    const auto compressor = formats::make_compressor(kind, formats::levels(kind).lowest, threads, sink);
    for (std::size_t at = 0; at < bytes.size(); at += 100'003)
        compressor->write(std::span(bytes).subspan(at, std::min<std::size_t>(100'003, bytes.size() - at)));
    compressor->finish();
    EXPECT_EQ(sink.finished, 1);
    return sink.bytes;
}

std::vector<std::byte> unpacked(Compression kind, std::vector<std::byte> bytes, std::size_t step = 4096,
                                std::uint64_t limit = UINT64_MAX) {
    support::MemorySource source(std::move(bytes), step);
    return all_of(*formats::make_decompressor(kind, source, limit));
}

class Codec : public testing::TestWithParam<Compression> {};
INSTANTIATE_TEST_SUITE_P(All, Codec, testing::Values(Compression::gzip, Compression::xz, Compression::zstd),
                         [](const auto& info) { return std::string(to_string(info.param)); });

TEST_P(Codec, round_trip_of_nothing_one_byte_and_much) {
    for (const std::size_t size : {0UL, 1UL, 70'000UL, 3'000'001UL}) {
        const auto bytes = sample(size);
        const auto file = packed(GetParam(), bytes);
        EXPECT_EQ(formats::detect_compression(file), GetParam());
        EXPECT_EQ(unpacked(GetParam(), file), bytes) << size;
        EXPECT_EQ(unpacked(GetParam(), file, 1), bytes) << size;
    }
}

TEST_P(Codec, the_same_bytes_however_many_threads) {
    const auto bytes = sample(40'000'000);
    EXPECT_EQ(packed(GetParam(), bytes, 1), packed(GetParam(), bytes, 3));
}

TEST_P(Codec, concatenated_streams_are_read_to_the_end) {
    auto file = packed(GetParam(), sample(1000));
    const auto more = packed(GetParam(), sample(500));
    file.insert(file.end(), more.begin(), more.end());
    auto bytes = sample(1000);
    const auto second = sample(500);
    bytes.insert(bytes.end(), second.begin(), second.end());
    EXPECT_EQ(unpacked(GetParam(), file), bytes);
}

TEST_P(Codec, a_truncated_stream_is_an_error_wherever_it_is_cut) {
    const auto file = packed(GetParam(), sample(300'000));
    for (const std::size_t keep : {file.size() - 1, file.size() - 9, file.size() / 2, std::size_t{7}}) {
        auto cut = file;
        cut.resize(keep);
        EXPECT_THROW(unpacked(GetParam(), cut), formats::CorruptImage) << keep;
    }
}

TEST_P(Codec, a_flipped_bit_is_an_error) {
    auto file = packed(GetParam(), sample(300'000));
    file[file.size() / 2] ^= std::byte{4};
    EXPECT_THROW(unpacked(GetParam(), file), formats::CorruptImage);
}

TEST_P(Codec, a_bomb_stops_at_the_limit) {
    const auto file = packed(GetParam(), std::vector<std::byte>(50'000'000));
    EXPECT_LT(file.size(), 300'000U);
    EXPECT_THROW(unpacked(GetParam(), file, 4096, 1'000'000), formats::CorruptImage);
}

TEST_P(Codec, a_full_disk_is_passed_up) {
    support::FailingSink sink(1000);
    const auto compressor = formats::make_compressor(GetParam(), 1, 1, sink);
    EXPECT_THROW(
        {
            compressor->write(sample(3'000'000));
            compressor->finish();
        },
        std::runtime_error);
}

TEST_P(Codec, a_level_out_of_range_is_refused_with_the_range) {
    support::MemorySink sink;
    try {
        formats::make_compressor(GetParam(), 99, 1, sink);
        FAIL();
    } catch (const std::invalid_argument& error) {
        EXPECT_NE(std::string(error.what()).find("99"), std::string::npos);
    }
}

std::shared_ptr<formats::BlockSource> blocks_of(Compression kind, std::vector<std::byte> file,
                                                std::uint64_t limit = UINT64_MAX) {
    return formats::open_blocks(kind, std::make_shared<support::MemoryFile>(std::move(file)), limit);
}

void expect_reads(formats::BlockSource& disk, const std::vector<std::byte>& wanted) {
    ASSERT_EQ(disk.virtual_size(), wanted.size());
    std::vector<std::byte> out(wanted.size());
    for (std::size_t at = 0; at < out.size(); at += 777'777)
        disk.read_at(at, std::span(out).subspan(at, std::min<std::size_t>(777'777, out.size() - at)));
    EXPECT_TRUE(out == wanted);
    std::mt19937 random(1);
    for (int i = 0; i < 10; ++i) {
        const std::size_t at = random() % wanted.size(),
                          count = std::min<std::size_t>(random() % 3'000'000, wanted.size() - at);
        out.resize(count);
        disk.read_at(at, out);
        EXPECT_TRUE(std::equal(out.begin(), out.end(), wanted.begin() + static_cast<std::ptrdiff_t>(at))) << at;
    }
}

TEST_P(Codec, what_we_pack_can_be_read_anywhere) {
    const auto bytes = sample(18'000'001);
    const auto file = packed(GetParam(), bytes, 2);
    expect_reads(*blocks_of(GetParam(), file), bytes);
    expect_reads(*formats::open_blocks(GetParam(), std::make_shared<support::MemoryFile>(file),
                                       std::make_shared<formats::BlockCache>(std::uint64_t{64} << 20)),
                 bytes);
    EXPECT_THROW(blocks_of(GetParam(), file, bytes.size() - 1), formats::CorruptImage);
    EXPECT_EQ(blocks_of(GetParam(), packed(GetParam(), sample(1000))), nullptr) << "one block";
}

TEST_P(Codec, a_damaged_block_is_found_by_who_reads_it) {
    const auto bytes = sample(18'000'000);
    auto file = packed(GetParam(), bytes);
    file[file.size() - file.size() / 20] ^= std::byte{4};  // in the last block
    const auto disk = blocks_of(GetParam(), file);
    std::vector<std::byte> out(1000);
    disk->read_at(0, out);
    EXPECT_THROW(expect_reads(*disk, bytes), formats::CorruptImage);
}

TEST_P(Codec, a_file_cut_short_is_an_error_or_not_read_anywhere) {
    const auto file = packed(GetParam(), sample(20'000'000));
    for (const std::size_t cut : {1UL, 4UL, 5UL, 9UL, 20UL, file.size() / 2}) try {
            EXPECT_EQ(blocks_of(GetParam(), {file.begin(), file.end() - static_cast<std::ptrdiff_t>(cut)}), nullptr)
                << cut;
        } catch (const formats::CorruptImage&) {
        }
}

void put(std::vector<std::byte>& file, std::size_t at, std::uint32_t value) {
    for (int i = 0; i < 4; ++i) file[at + static_cast<std::size_t>(i)] = static_cast<std::byte>(value >> (8 * i));
}

TEST(Gzip, members_that_lie_of_their_sizes_are_corrupt) {
    const auto bytes = sample(5 << 20);
    const auto file = packed(Compression::gzip, bytes);
    std::uint32_t first = 0;  // bytes of the first member, as its field says from byte 16 on
    for (std::size_t i = 0; i < 4; ++i) first |= std::to_integer<std::uint32_t>(file[16 + i]) << (8 * i);
    ASSERT_EQ(file[first], std::byte{0x1f});
    for (const std::uint32_t lie : {first - 1, first + 1, first + 30}) {
        auto other = file;
        put(other, 16, lie);
        try {  // what does not look like one of our members is unpacked as anybody's
            EXPECT_EQ(unpacked(Compression::gzip, other), bytes) << lie;
        } catch (const formats::CorruptImage&) {
        }
        EXPECT_EQ(blocks_of(Compression::gzip, other), nullptr) << lie << ": no member begins there";
    }
    auto other = file;
    put(other, 16, static_cast<std::uint32_t>(file.size() + 1));
    EXPECT_THROW(blocks_of(Compression::gzip, other), formats::CorruptImage);
    for (const std::uint32_t lie : {(1U << 20) - 1, (1U << 20) + 1, 0U}) {  // what comes out
        other = file;
        put(other, first - 4, lie);
        EXPECT_THROW(unpacked(Compression::gzip, other), formats::CorruptImage) << lie;
        const auto disk = blocks_of(Compression::gzip, other);
        ASSERT_EQ(disk == nullptr, lie == 0) << "one that is said to be empty would never be looked at";
        std::vector<std::byte> out(disk ? disk->virtual_size() : 0);
        if (disk) EXPECT_THROW(disk->read_at(0, out), formats::CorruptImage) << lie;
    }
}

TEST(Gzip, members_of_others_follow_ours_and_are_not_read_anywhere) {
    const auto bytes = sample(3 << 20);
    auto file = packed(Compression::gzip, bytes), wanted = bytes;
    // printf x | gzip -n
    for (const unsigned byte :
         {0x1fU, 0x8bU, 8U, 0U, 0U, 0U, 0U, 0U, 0U, 3U, 0xabU, 0U, 0U, 0x83U, 0x16U, 0xdcU, 0x8cU, 1U, 0U, 0U, 0U})
        file.push_back(static_cast<std::byte>(byte));
    wanted.push_back(std::byte{'x'});
    EXPECT_EQ(unpacked(Compression::gzip, file), wanted);
    EXPECT_EQ(blocks_of(Compression::gzip, file), nullptr);
    file.resize(file.size() + 3);
    EXPECT_THROW(unpacked(Compression::gzip, file), formats::CorruptImage) << "garbage at the end";
}

TEST(Zstd, a_seek_table_that_contradicts_the_file_is_corrupt) {
    const auto bytes = sample(20 << 20);  // three frames
    const auto file = packed(Compression::zstd, bytes);
    const std::size_t footer = file.size() - 9, entries = footer - 24, header = entries - 8;
    const auto with = [&](std::size_t at, std::uint32_t value) {
        auto other = file;
        put(other, at, value);
        return other;
    };
    EXPECT_THROW(blocks_of(Compression::zstd, with(footer, 2)), formats::CorruptImage);
    EXPECT_THROW(blocks_of(Compression::zstd, with(footer, 2'000'000)), formats::CorruptImage);
    EXPECT_THROW(blocks_of(Compression::zstd, with(header + 4, 32)), formats::CorruptImage);
    EXPECT_THROW(blocks_of(Compression::zstd, with(entries, 1000)), formats::CorruptImage);
    auto flags = file;
    flags[footer + 4] = std::byte{4};
    EXPECT_THROW(blocks_of(Compression::zstd, flags), formats::CorruptImage);
    const auto sized = blocks_of(Compression::zstd, with(entries + 4, 1000));  // what comes out of the first frame
    std::vector<std::byte> out(100);
    EXPECT_THROW(sized->read_at(0, out), formats::CorruptImage);
    EXPECT_EQ(blocks_of(Compression::zstd, with(entries + 4, 0)), nullptr);
    EXPECT_EQ(blocks_of(Compression::zstd, with(footer + 5, 0)), nullptr) << "no table";
    EXPECT_EQ(unpacked(Compression::zstd, with(footer + 5, 0)), bytes) << "the stream does not need it";
}

TEST(Zstd, frames_of_every_kind_follow_each_other) {
    // Frames that state their size, one that is empty, one too large to be held, one that does not state its size.
    const auto small = sample(2'000'000), large = sample(9 << 20);
    std::vector<std::byte> file, wanted;
    const auto add = [&](std::vector<std::byte> more, const std::vector<std::byte>& content) {
        file.insert(file.end(), more.begin(), more.end());
        wanted.insert(wanted.end(), content.begin(), content.end());
    };
    const auto frame = [](const std::vector<std::byte>& bytes, bool with_size) {
        std::vector<std::byte> out(ZSTD_compressBound(bytes.size()));
        ZSTD_CCtx* context = ZSTD_createCCtx();
        ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, with_size);
        out.resize(ZSTD_compress2(context, out.data(), out.size(), bytes.data(), bytes.size()));
        ZSTD_freeCCtx(context);
        return out;
    };
    for (int i = 0; i < 5; ++i) add(packed(Compression::zstd, small), small);
    add(packed(Compression::zstd, {}), {});
    add({std::byte{0x50}, std::byte{0x2a}, std::byte{0x4d}, std::byte{0x18}, std::byte{2}, std::byte{0}, std::byte{0},
         std::byte{0}, std::byte{9}, std::byte{9}},
        {});  // a skippable frame of two bytes
    add(packed(Compression::zstd, small), small);
    add(frame(large, true), large);
    add(frame(small, false), small);
    add(packed(Compression::zstd, small), small);
    EXPECT_EQ(unpacked(Compression::zstd, file), wanted);
    EXPECT_EQ(unpacked(Compression::zstd, file, 1'000'000, wanted.size()), wanted);
    EXPECT_THROW(unpacked(Compression::zstd, file, 4096, wanted.size() - 1), formats::CorruptImage);
}

TEST(Compression, names_and_endings) {
    EXPECT_EQ(formats::compression_from("xz"), Compression::xz);
    EXPECT_EQ(formats::compression_from("gz"), Compression::gzip);
    EXPECT_EQ(formats::compression_from("gzip"), Compression::gzip);
    EXPECT_EQ(formats::compression_from("zst"), Compression::zstd);
    EXPECT_EQ(formats::compression_from("rar"), std::nullopt);
    EXPECT_EQ(formats::detect_compression(support::bytes_of("ova.xml")), Compression::none);
}

}  // namespace
