// SPDX-License-Identifier: Apache-2.0
// What the service writes, into a disk that is full: an error that says so, nothing half done that is taken for whole,
// and everything goes on when there is room again.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "formats/base/whole_file.hpp"
#include "formats/stream/digest.hpp"
#include "server/jobs/worker_process.hpp"
#include "server/publish/publish.hpp"
#include "server/publish/signing_key.hpp"
#include "server/uploads/upload_folder.hpp"
#include "server/uploads/upload_state.hpp"
#include "tests/support/small_disk.hpp"
#include "worker/checksum_lists.hpp"

namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using formats::DigestKind;
using server::catalog::Catalog;
using server::catalog::Job;
using server::catalog::JobState;
using support::entries;
using support::error_of;
using support::fill;

#define ON_A_SMALL_DISK(...) \
    if (const std::string why_not = support::on_a_small_disk(__VA_ARGS__); !why_not.empty()) GTEST_SKIP() << why_not

constexpr std::uint64_t page = 4096;
const std::string release_name = "debian-12-20261121-pvhvm";

// A finished worker's folder with three images.
worker::WorkerResult worker_did(const fs::path& job_folder) {
    fs::create_directories(job_folder / "out");
    json::array products;
    for (const char* format : {"raw", "vhd", "qcow2"}) {
        const std::string name = worker::product_name(release_name, format), content = "image " + name;
        formats::write_whole_file(job_folder / "out" / name, content);
        const std::string sha256 = formats::digest_hex(DigestKind::sha256, content),
                          md5 = formats::digest_hex(DigestKind::md5, content);
        products.push_back({{"file_name", name},
                            {"format", format},
                            {"size", content.size()},
                            {"sha256", sha256},
                            {"md5", md5},
                            {"image_size", content.size()},
                            {"image_sha256", sha256},
                            {"image_md5", md5}});
    }
    formats::write_whole_file(job_folder / "result.json", json::serialize(json::object{{"release_name", release_name},
                                                                                       {"title", "Debian 12"},
                                                                                       {"details", json::object()},
                                                                                       {"products", products}}));
    return worker::read_result(job_folder / "result.json");
}

std::size_t files_below(const fs::path& folder) {
    std::size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) count += entry.is_regular_file() ? 1 : 0;
    return count;
}

TEST(FullDisk, a_release_is_published_whole_or_not_at_all_wherever_the_room_ends) {
    ON_A_SMALL_DISK(4 << 20, [](const fs::path& folder) {
        const auto catalog = Catalog::open(folder / "catalog.sqlite");
        server::store::Store store(folder / "store");
        const auto key = server::publish::SigningKey::load_or_create(folder);
        const Job job{"01", "build", JobState::publishing, "{}", "lang C\n", "2026-11-21T06:00:00Z", "", "", 1, "", 0,
                      "",   ""};
        catalog->add_job(job);
        const auto result = worker_did(folder / "01");
        int failed = 0;
        for (std::uint64_t left = 0;; left += page, ++failed) {
            ASSERT_LT(left, 1U << 20);
            fill(folder, left);
            const int error = error_of([&] {
                publish_release(result, {release_name, "Debian 12", false, {"raw", "vhd", "qcow2"}}, job, folder / "01",
                                folder / "releases", key, store, *catalog, "2026-11-21T07:00:00Z");
            });
            fs::remove(folder / "filler");
            if (error == 0) break;
            EXPECT_EQ(error, ENOSPC) << left;
            EXPECT_FALSE(catalog->release(release_name)) << left;
            EXPECT_EQ(catalog->job("01")->state, JobState::publishing) << left;
            EXPECT_EQ(files_below(folder / "releases"), 0U) << left;
            EXPECT_EQ(files_below(folder / "store"), 0U) << left;
            EXPECT_EQ(files_below(folder / "01"), 4U) << "the worker's files stay for the next try";
        }
        EXPECT_GE(failed, 5) << "the recipe, two lists and two signatures need a page each";
        EXPECT_TRUE(catalog->release(release_name));
        EXPECT_EQ(files_below(folder / "releases" / release_name), 8U);
    });
}

TEST(FullDisk, checksum_lists_are_whole_or_not_there) {
    ON_A_SMALL_DISK(1 << 20, [](const fs::path& folder) {
        std::vector<worker::Product> products;
        for (int i = 100; i < 200; ++i)
            products.push_back({"image-" + std::to_string(i) + ".vhd", "vhd", 1,
                                formats::Sha256::of(std::string(64, 'a'), "sha256"),
                                formats::Md5::of(std::string(32, 'b'), "md5")});
        const std::size_t line = products[0].file_name.size() + 64 + 3;
        int failed = 0;
        for (std::uint64_t left = 0;; left += page, ++failed) {
            ASSERT_LT(left, 1U << 20);
            formats::write_whole_file(folder / "SHA256SUMS", "of an earlier build\n");
            fill(folder, left);
            const int error = error_of([&] { worker::write_checksum_lists(products, folder); });
            fs::remove(folder / "filler");
            if (fs::exists(folder / "SHA256SUMS")) {
                EXPECT_EQ(fs::file_size(folder / "SHA256SUMS"), 100 * line);
            }
            if (error == 0) break;
            EXPECT_EQ(error, ENOSPC);
            EXPECT_FALSE(fs::exists(folder / "MD5SUMS"));
        }
        EXPECT_GE(failed, 3) << "the lists need several pages";
        EXPECT_TRUE(fs::exists(folder / "SHA256SUMS") && fs::exists(folder / "MD5SUMS"));
    });
}

TEST(FullDisk, a_worker_whose_id_cannot_be_kept_does_not_run) {
    const support::TemporaryFolder other;
    formats::write_whole_file(other / "worker", "#!/bin/sh\nexec sleep 1000\n", 0700);
    ON_A_SMALL_DISK(64 << 10, [&](const fs::path& folder) {
        fill(folder);
        EXPECT_EQ(error_of([&] { const server::jobs::WorkerProcess worker(other / "worker", folder); }), ENOSPC);
        EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
        EXPECT_EQ(errno, ECHILD) << "it is dead and reaped";
        EXPECT_FALSE(fs::exists(folder / "worker.pid"));
        fs::remove(folder / "filler");
        server::jobs::WorkerProcess worker(other / "worker", folder);
        EXPECT_TRUE(fs::exists(folder / "worker.pid"));
    });
}

TEST(FullDisk, the_catalog_says_that_there_is_no_room_and_goes_on_when_there_is) {
    ON_A_SMALL_DISK(1 << 20, [](const fs::path& folder) {
        const auto catalog = Catalog::open(folder / "catalog.sqlite");
        const Job small{"01", "build", JobState::queued, "{}", "lang C\n", "now", "", "", 0, "", 0, "", ""};
        catalog->add_job(small);
        fill(folder);
        Job large = small;
        large.id = "02";
        large.recipe = std::string(100 << 10, '#');
        EXPECT_EQ(error_of([&] { catalog->add_job(large); }), ENOSPC);
        EXPECT_FALSE(catalog->job("02"));
        EXPECT_EQ(catalog->job("01")->state, JobState::queued);
        fs::remove(folder / "filler");
        catalog->add_job(large);
        EXPECT_EQ(catalog->job("02")->recipe, large.recipe);
        EXPECT_EQ(catalog->claim_job("now")->id, "01");
    });
}

TEST(FullDisk, an_upload_keeps_what_it_acknowledged_and_goes_on_when_there_is_room) {
    using namespace server::uploads;
    ON_A_SMALL_DISK(512 << 10, [](const fs::path& folder) {
        UploadFolder uploads(folder / "uploads", {1 << 20, 10, 1000, 0},
                             Surroundings{[] { return std::int64_t{1000}; }, [] { return std::uint64_t{1} << 40; }});
        const std::string part(64 << 10, 'u');
        const Upload upload = uploads.create("disk.raw", 2 * part.size());
        {
            const auto writer = uploads.write(upload.id, 0);
            writer->write(std::as_bytes(std::span(part)));
            EXPECT_TRUE(writer->finish(true));
        }
        fill(folder);
        EXPECT_EQ(error_of([&] {
                      const auto writer = uploads.write(upload.id, part.size());
                      writer->write(std::as_bytes(std::span(part)));
                  }),
                  ENOSPC);
        const std::size_t before = entries(folder / "uploads");
        EXPECT_EQ(error_of([&] { uploads.create("another", 100); }), ENOSPC);
        EXPECT_EQ(entries(folder / "uploads"), before) << "nothing half made";
        fs::remove(folder / "filler");
        const std::uint64_t received = uploads.find(upload.id)->received;
        EXPECT_GE(received, part.size());
        const auto writer = uploads.write(upload.id, received);
        writer->write(std::as_bytes(std::span(part)).subspan(received - part.size()));
        EXPECT_TRUE(writer->finish(true));
        EXPECT_EQ(formats::read_whole_file(uploads.find(upload.id)->file), part + part);
    });
}

}  // namespace
