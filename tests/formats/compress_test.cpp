// SPDX-License-Identifier: Apache-2.0
#include "formats/stream/compress.hpp"

#include <gtest/gtest.h>
#include <zstd.h>

#include "formats/base/errors.hpp"
#include "tests/support/memory.hpp"

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
