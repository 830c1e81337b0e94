// SPDX-License-Identifier: Apache-2.0
#include "server/data_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "formats/stream/digest.hpp"
#include "kickstart/secrets.hpp"
#include "server/catalog/catalog.hpp"
#include "server/jobs/job_runner.hpp"
#include "server/publish/signing_key.hpp"
#include "server/store/store.hpp"
#include "server/uploads/upload_folder.hpp"
#include "tests/support/judges.hpp"

namespace server {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

mode_t mode_of(const fs::path& path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

std::string text_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void put(const fs::path& path, const std::string& text, mode_t mode) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    ::chmod(path.c_str(), mode);
}

// What others may read or list, as `find -perm /044` has it.
std::vector<std::string> readable_by_others(const fs::path& data) {
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(data))
        if (!entry.is_symlink() && (mode_of(entry.path()) & 044) != 0)
            found.push_back(entry.path().lexically_relative(data));
    return found;
}

// The umask of the process is one for all tests.
class DataFolder : public testing::Test {
protected:
    DataFolder() : before_(::umask(022)) {}
    ~DataFolder() override { ::umask(before_); }
    support::TemporaryFolder folder;
    const fs::path data = folder / "data";

private:
    mode_t before_;
};

TEST_F(DataFolder, is_new_and_what_is_made_in_it_is_nobody_elses) {
    prepare_data_folder(folder / "a/b");
    EXPECT_EQ(mode_of(folder / "a/b"), 0711U);
    EXPECT_EQ(mode_of(folder / "a"), 0755U) << "the sandbox passes it";
    const auto catalog = catalog::Catalog::open(folder / "a/b/catalog.sqlite");
    catalog->add_job({"0123456789abcdef", "build"});
    EXPECT_EQ(mode_of(folder / "a/b/catalog.sqlite"), 0600U);
    EXPECT_EQ(mode_of(folder / "a/b/catalog.sqlite-wal"), 0600U);
    EXPECT_EQ(mode_of(folder / "a/b/catalog.sqlite-shm"), 0600U);
    publish::SigningKey::load_or_create(folder / "a/b");
    EXPECT_EQ(mode_of(folder / "a/b/signing-key.pem"), 0600U);
    EXPECT_EQ(mode_of(folder / "a/b/signing-key.pub.pem"), 0644U) << "it is meant for everybody";
}

TEST_F(DataFolder, closing_it_takes_rights_away_and_gives_none) {
    put(data / "catalog.sqlite", "", 0644);
    put(data / "store/ab/abcd", "", 0664);
    put(data / "uploads/1/data", "", 0600);
    put(data / "read-only", "", 0444);
    put(data / "jobs/1/out/x", "", 0640);
    put(data / "signing-key.pem", "", 0640);
    put(data / "signing-key.pub.pem", "", 0644);
    fs::create_directories(data / "jobs/1/work");
    ::chmod((data / "jobs").c_str(), 0755);
    ::chmod((data / "uploads").c_str(), 0700);
    ::chmod((data / "uploads/1").c_str(), 0700);
    EXPECT_EQ(close_to_others(data), 10U);
    EXPECT_EQ(close_to_others(data), 0U) << "the second time there is nothing to do";
    EXPECT_EQ(mode_of(data / "catalog.sqlite"), 0600U);
    EXPECT_EQ(mode_of(data / "store"), 0700U);
    EXPECT_EQ(mode_of(data / "store/ab/abcd"), 0600U);
    EXPECT_EQ(mode_of(data / "read-only"), 0400U);
    EXPECT_EQ(mode_of(data / "jobs"), 0711U);
    EXPECT_EQ(mode_of(data / "jobs/1"), 0711U);
    EXPECT_EQ(mode_of(data / "jobs/1/work"), 0711U);
    EXPECT_EQ(mode_of(data / "jobs/1/out"), 0700U);
    EXPECT_EQ(mode_of(data / "jobs/1/out/x"), 0600U);
    EXPECT_EQ(mode_of(data / "signing-key.pub.pem"), 0644U);
    EXPECT_THROW(publish::SigningKey::load_or_create(data), std::runtime_error) << "others could read the key";
}

TEST_F(DataFolder, names_that_a_job_left_lead_nowhere) {
    put(folder / "outside/file", "", 0644);
    ::chmod((folder / "outside").c_str(), 0755);
    fs::create_directories(data / "jobs/1");
    fs::create_symlink(folder / "outside", data / "jobs/1/out");
    fs::create_symlink(folder / "outside/file", data / "jobs/1/log.txt");
    fs::create_symlink(folder / "outside", data / "releases");
    ASSERT_EQ(::mkfifo((data / "jobs/1/pipe").c_str(), 0666), 0);
    put(data / "jobs/1/line\nend", "", 0644);
    close_to_others(data);
    EXPECT_EQ(mode_of(folder / "outside"), 0755U);
    EXPECT_EQ(mode_of(folder / "outside/file"), 0644U);
    EXPECT_EQ(mode_of(data / "jobs/1/pipe") & 077U, 0U);
    EXPECT_EQ(mode_of(data / "jobs/1/line\nend"), 0600U);
}

TEST_F(DataFolder, what_belongs_to_others_is_left_alone) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
    put(data / "jobs/1/tree/file", "", 0644);
    ASSERT_EQ(::chown((data / "jobs/1/tree").c_str(), 100000, 100000), 0);
    close_to_others(data);
    EXPECT_EQ(mode_of(data / "jobs/1/tree"), 0755U);
    EXPECT_EQ(mode_of(data / "jobs/1/tree/file"), 0644U);
}

// tests/data/data_folder_1: a service of the release before wrote it. It holds a build that was cancelled, whose recipe
// has passwords, a conversion with its release, a stored recipe and an upload. data_folder_1.modes is how it left them.
class OldDataFolder : public DataFolder {
protected:
    static constexpr const char *build = "d029c4e31ad0b96c", *conversion = "0dcafbbabf315392",
                                *released = "converted-20261129", *upload = "7d8241ff18788427e0800759102b52e7";
    OldDataFolder() {
        const fs::path kept = fs::path(XENKILN_SOURCE_DIR) / "tests/data/data_folder_1";
        fs::copy(kept, data, fs::copy_options::recursive);
        std::ifstream modes(kept.string() + ".modes");
        unsigned mode = 0;
        for (std::string name; modes >> std::oct >> mode >> name;) {
            EXPECT_EQ(::chmod((data / name).c_str(), mode), 0) << name;
            ++files;
        }
    }
    int files = 0;
};

TEST_F(OldDataFolder, opens_with_nothing_lost_and_nothing_left_to_others) {
    ASSERT_GT(files, 30);
    ASSERT_GT(readable_by_others(data).size(), 20U) << "as it was";
    prepare_data_folder(data);
    EXPECT_GT(close_to_others(data), 20U);
    Config config;
    config.data = data;
    config.parallel_jobs = 0;
    const auto catalog = catalog::Catalog::open(data / "catalog.sqlite");
    store::Store store(data / "store");
    const auto key = publish::SigningKey::load_or_create(data);
    EXPECT_EQ(key.public_pem(), text_of(data / "signing-key.pub.pem"));
    const auto recipe = catalog->recipe("fixture", 1);
    const auto runner = jobs::JobRunner::start(config, *catalog, store);

    ASSERT_TRUE(recipe);
    EXPECT_THAT(catalog->recipe("fixture", 1)->text, HasSubstr("fixture-root-passw0rd")) << "its token opens it";
    ASSERT_EQ(catalog->jobs("build", 9).size(), 1U);
    ASSERT_EQ(catalog->jobs("conversion", 9).size(), 1U);
    EXPECT_EQ(catalog->job(build)->state, catalog::JobState::cancelled);
    EXPECT_EQ(catalog->job(conversion)->release, released);
    EXPECT_EQ(runner->events(build, 0, 0).events.size(), 4U);
    EXPECT_EQ(runner->events(conversion, 0, 0).events.size(), 13U);
    EXPECT_EQ(text_of(runner->log_file(conversion)),
              text_of(fs::path(XENKILN_SOURCE_DIR) / "tests/data/data_folder_1/jobs" / conversion / "log.txt"));
    const auto release = catalog->release(released);
    ASSERT_TRUE(release);
    ASSERT_EQ(release->artifacts.size(), 12U);
    for (const catalog::Artifact& artifact : release->artifacts) {
        const std::string stored = text_of(store.path(formats::Sha256::of(artifact.id, "a row")));
        EXPECT_EQ(formats::digest_hex(formats::DigestKind::sha256, std::as_bytes(std::span(stored))), artifact.sha256);
        EXPECT_EQ(text_of(data / "releases" / released / artifact.file_name), stored) << artifact.file_name;
    }
    uploads::UploadFolder uploads(data / "uploads", {1 << 20, 10, 172800, 0},
                                  {[] { return std::int64_t{1795966700}; }, [] { return std::uint64_t{1} << 40; }});
    ASSERT_TRUE(uploads.find(upload));
    EXPECT_EQ(uploads.find(upload)->received, 70000U);

    EXPECT_THAT(readable_by_others(data), testing::ElementsAre("signing-key.pub.pem"));
    EXPECT_EQ(mode_of(data / "jobs" / build), 0711U);
}

TEST_F(OldDataFolder, jobs_at_their_end_lose_the_recipes_that_an_earlier_release_kept) {
    const fs::path job = data / "jobs" / build;
    ASSERT_THAT(text_of(job / "recipe.ks"), HasSubstr("fixture-ada-passw0rd"));
    // As a %post of that release could have printed it.
    std::ofstream(job / "log.txt", std::ios::app) << "password fixture-ada-passw0rd\n";
    std::ofstream(job / "events.jsonl", std::ios::app)
        << R"({"id":5,"type":"log","data":{"line":"password fixture-ada-passw0rd"}})"
        << "\n";
    prepare_data_folder(data);
    close_to_others(data);
    Config config;
    config.data = data;
    config.parallel_jobs = 0;
    {
        const auto catalog = catalog::Catalog::open(data / "catalog.sqlite");
        store::Store store(data / "store");
        const auto runner = jobs::JobRunner::start(config, *catalog, store);
        const std::string recipe = catalog->job(build)->recipe;
        EXPECT_EQ(recipe, kickstart::public_text(recipe)) << "public once is public for good";
        EXPECT_THAT(recipe, HasSubstr("%packages --nocore"));
        EXPECT_THAT(recipe, Not(HasSubstr("passw0rd")));
        EXPECT_EQ(catalog->job(conversion)->request, "{}");
        const auto events = runner->events(build, 0, 0).events;
        ASSERT_EQ(events.size(), 5U);
        EXPECT_EQ(events[4].data, R"j({"line":"password (removed)"})j");
    }
    EXPECT_THAT(text_of(job / "log.txt"), HasSubstr("password (removed)\n"));
    for (const char* name : {"recipe.ks", "request.json", "plan.json"}) EXPECT_FALSE(fs::exists(job / name)) << name;
    // All that still has them is the stored recipe, whose token opens it.
    for (const auto& entry : fs::recursive_directory_iterator(data))
        if (entry.is_regular_file() && !entry.path().filename().string().starts_with("catalog.sqlite"))
            EXPECT_THAT(text_of(entry.path()), Not(HasSubstr("passw0rd"))) << entry.path();
}

}  // namespace
}  // namespace server
