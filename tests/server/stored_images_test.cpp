// SPDX-License-Identifier: Apache-2.0
#include "server/images/stored_images.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "formats/base/whole_file.hpp"
#include "formats/stream/digest.hpp"
#include "tests/support/judges.hpp"

namespace {

using namespace std::chrono_literals;
using server::images::Attempts;
using server::images::StoredImages;

// Asks until the opening is over.
template <class Ask>
auto over(const Ask& ask) {
    for (;;) {
        if (auto found = ask()) return found;
        std::this_thread::sleep_for(1ms);
    }
}

struct Stored {
    support::TemporaryFolder folder;
    server::store::Store store{folder / "store"};
    std::string content = std::string(1 << 20, 'd');
    server::catalog::Artifact artifact;

    Stored() {
        artifact.sha256 = formats::digest_hex(formats::DigestKind::sha256, content);
        artifact.file_name = "r.raw";
        artifact.format = "raw";
    }
    void put() {
        const auto path = store.path(formats::Sha256::of(artifact.sha256, "the test's"));
        std::filesystem::create_directories(path.parent_path());
        formats::write_whole_file(path, content);
    }
    server::images::Wish wish() const { return {*formats::output_kind_from("vhd"), 1, {}, "etag"}; }
};

TEST(StoredImages, an_opening_that_failed_once_is_tried_again) {
    Stored stored;
    StoredImages images(stored.store, 100ms);
    EXPECT_THROW(over([&] { return images.unpacked(stored.artifact); }), std::system_error);
    EXPECT_THROW(over([&] { return images.output(stored.artifact, stored.wish()); }), std::system_error);
    stored.put();
    EXPECT_THROW(over([&] { return images.output(stored.artifact, stored.wish()); }), std::system_error)
        << "at once: still the answer of the first try";
    std::this_thread::sleep_for(150ms);
    EXPECT_EQ(over([&] { return images.unpacked(stored.artifact); })->size(), stored.content.size());
    EXPECT_GT(over([&] { return images.output(stored.artifact, stored.wish()); })->size(), stored.content.size());
}

TEST(StoredImages, a_thousand_who_ask_for_what_cannot_be_opened_open_it_once) {
    std::atomic<int> opened = 0;
    Attempts<int> attempts(4, 10s);
    for (int i = 0; i < 1000; ++i) {
        const auto& attempt = attempts.of("a", [&] {
            return [&]() -> int {
                ++opened;
                throw std::runtime_error("damaged");
            };
        });
        EXPECT_THROW(attempt.get(), std::runtime_error);
    }
    EXPECT_EQ(opened, 1);
}

TEST(StoredImages, what_can_be_read_nowhere_is_not_tried_again) {
    std::atomic<int> opened = 0;
    Attempts<int> attempts(4, 0ms);
    for (int i = 0; i < 10; ++i) {
        const auto& attempt = attempts.of("a", [&] {
            return [&]() -> int {
                ++opened;
                throw formats::NotReadableAnywhere("one block");
            };
        });
        EXPECT_THROW(attempt.get(), formats::NotReadableAnywhere);
    }
    EXPECT_EQ(opened, 1);
}

TEST(StoredImages, the_ones_used_last_are_kept) {
    int opened = 0;
    Attempts<int> attempts(2, 10s);
    const auto use = [&](const std::string& key) {
        return attempts.of(key, [&] { return [number = ++opened] { return number; }; }).get();
    };
    EXPECT_EQ(use("a"), 1);
    EXPECT_EQ(use("b"), 2);
    EXPECT_EQ(use("a"), 1);
    EXPECT_EQ(use("c"), 3);
    EXPECT_EQ(use("a"), 1);
    EXPECT_EQ(use("b"), 4) << "it was the one not used for longest";
}

}  // namespace
