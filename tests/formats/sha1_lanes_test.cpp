// SPDX-License-Identifier: Apache-2.0
#include "formats/stream/sha1_lanes.hpp"

#include <gtest/gtest.h>

#include "formats/stream/digest.hpp"

namespace {

TEST(Sha1Lanes, any_number_of_messages_of_any_length_have_the_digests_of_the_library) {
    for (const std::size_t length :
         {0UL, 1UL, 3UL, 55UL, 56UL, 63UL, 64UL, 65UL, 119UL, 120UL, 128UL, 4097UL, 1UL << 20})
        for (const std::size_t count : {0UL, 1UL, 2UL, 3UL, 7UL, 8UL, 9UL, 17UL, 20UL}) {
            std::vector<std::vector<std::byte>> messages(count, std::vector<std::byte>(length));
            std::uint32_t state = static_cast<std::uint32_t>(length);
            std::vector<std::span<const std::byte>> views;
            for (auto& message : messages) {
                for (std::byte& one : message)
                    one = static_cast<std::byte>((state = state * 1664525 + 1013904223) >> 24);
                views.emplace_back(message);
            }
            const std::vector<std::string> digests = formats::sha1_of_each(views);
            ASSERT_EQ(digests.size(), count);
            for (std::size_t i = 0; i < count; ++i)
                EXPECT_EQ(digests[i], digest_hex(formats::DigestKind::sha1, views[i])) << length << " bytes, " << i;
        }
}

TEST(Sha1Lanes, the_examples_of_the_standard) {
    const std::string abc = "abc";
    const std::span<const std::byte> one = std::as_bytes(std::span(abc));
    const std::vector<std::span<const std::byte>> eight(8, one);
    for (const std::string& digest : formats::sha1_of_each(eight))
        EXPECT_EQ(digest, "a9993e364706816aba3e25717850c26c9cd0d89d");
    const std::string two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    const std::vector<std::span<const std::byte>> four(4, std::as_bytes(std::span(two)));
    for (const std::string& digest : formats::sha1_of_each(four))
        EXPECT_EQ(digest, "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
}

}  // namespace
