// SPDX-License-Identifier: Apache-2.0
#include "formats/stream/sinks.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "formats/base/errors.hpp"
#include "formats/raw/raw.hpp"
#include "formats/stream/digest.hpp"
#include "tests/support/memory.hpp"

namespace {

std::filesystem::path scratch(const char* name) {
    const auto path =
        std::filesystem::temp_directory_path() / (std::string("stream_test.") + std::to_string(getpid()) + "." + name);
    std::filesystem::remove(path);
    return path;
}

TEST(FileSink, an_unfinished_file_does_not_stay) {
    const auto path = scratch("unfinished");
    {
        formats::FileSink sink(path);
        sink.write(support::bytes_of("half"));
        EXPECT_TRUE(std::filesystem::exists(path));
    }
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(FileSink, never_writes_over_a_file) {
    const auto path = scratch("there");
    formats::FileSink sink(path);
    sink.write(support::bytes_of("whole"));
    sink.finish();
    EXPECT_EQ(sink.size(), 5U);
    EXPECT_THROW(formats::FileSink again(path), std::system_error);
    EXPECT_EQ(std::filesystem::file_size(path), 5U);
    std::filesystem::remove(path);
}

TEST(Hmac, is_that_of_rfc_4231) {
    const auto hmac = [](std::string_view key, std::string_view text) {
        return formats::hmac_sha256_hex(std::as_bytes(std::span(key)), text);
    };
    EXPECT_EQ(hmac("Jefe", "what do ya want for nothing?"),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    EXPECT_EQ(hmac(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First"),
              "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    EXPECT_EQ(hmac("", ""), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(DigestSink, known_digests_of_a_known_text_in_any_pieces) {
    formats::DigestSink sink{formats::DigestKind::sha256, formats::DigestKind::md5, formats::DigestKind::sha1};
    for (const char c : std::string("abc")) sink.write(support::bytes_of(std::string(1, c)));
    sink.finish();
    EXPECT_EQ(sink.hex(formats::DigestKind::sha256),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(sink.hex(formats::DigestKind::md5), "900150983cd24fb0d6963f7d28e17f72");
    EXPECT_EQ(sink.hex(formats::DigestKind::sha1), "a9993e364706816aba3e25717850c26c9cd0d89d");
    EXPECT_EQ(sink.size(), 3U);
}

TEST(DigestSink, much_data_in_large_and_small_pieces_is_digested_in_order) {
    formats::DigestSink sink{formats::DigestKind::sha256};
    formats::Digest plain(formats::DigestKind::sha256);
    std::vector<std::byte> piece(1 << 20);
    for (unsigned i = 0; i < 60; ++i) {
        for (std::size_t at = 0; at < piece.size(); at += 4096) piece[at] = static_cast<std::byte>(i + at / 4096);
        const auto part = std::span(piece).first(i % 3 == 0 ? 512 : piece.size());
        sink.write(part);
        plain.update(part);
    }
    sink.finish();
    EXPECT_EQ(sink.hex(formats::DigestKind::sha256), plain.finish_hex());
}

TEST(TeeSink, both_sides_get_everything_and_are_finished) {
    support::MemorySink first, second;
    formats::TeeSink tee(first, second);
    tee.write(support::bytes_of("one"));
    tee.write(support::bytes_of("two"));
    tee.finish();
    EXPECT_EQ(first.bytes, support::bytes_of("onetwo"));
    EXPECT_EQ(second.bytes, first.bytes);
    EXPECT_EQ(first.finished + second.finished, 2);
}

TEST(Raw, holes_are_extents_that_are_not_allocated) {
    const auto path = scratch("sparse");
    {
        const formats::File file = formats::File::create(path);
        file.truncate(10 << 20);
        file.write_at(4 << 20, support::bytes_of("data"));
    }
    const auto disk = formats::raw::open_raw(path);
    EXPECT_EQ(disk->virtual_size(), 10U << 20);
    const formats::Extent hole = disk->extent_at(0);
    EXPECT_FALSE(hole.allocated);
    EXPECT_EQ(hole.length, 4U << 20);
    EXPECT_TRUE(disk->extent_at(4 << 20).allocated);
    EXPECT_FALSE(disk->extent_at((10 << 20) - 1).allocated);
    std::filesystem::remove(path);
}

TEST(Raw, an_empty_file_is_refused) {
    const auto path = scratch("empty");
    formats::File::create(path);
    EXPECT_THROW(formats::raw::open_raw(path), formats::CorruptImage);
    std::filesystem::remove(path);
}

}  // namespace
