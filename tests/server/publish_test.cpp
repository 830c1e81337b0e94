// SPDX-License-Identifier: Apache-2.0
#include "server/publish/publish.hpp"

#include <gmock/gmock.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <set>

#include "formats/stream/digest.hpp"
#include "server/catalog/sqlite.hpp"
#include "server/publish/signing_key.hpp"

namespace {

namespace fs = std::filesystem;
using formats::DigestKind;
using server::catalog::Catalog;
using server::catalog::Job;
using server::catalog::JobState;
using server::catalog::Release;
using testing::HasSubstr;

std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    EXPECT_TRUE(file) << path;
    return {std::istreambuf_iterator<char>(file), {}};
}

bool signature_is_right(const std::string& pem, const std::string& message, const std::string& signature) {
    BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    EVP_PKEY* key = PEM_read_bio_PUBKEY(bio, nullptr, nullptr, nullptr);
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, key);
    const int right =
        EVP_DigestVerify(context, reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                         reinterpret_cast<const unsigned char*>(message.data()), message.size());
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    BIO_free(bio);
    return right == 1;
}

// The real catalog, except that it can be made to fail where it hurts most.
class FailingCatalog : public Catalog {
public:
    explicit FailingCatalog(const fs::path& file) : real_(Catalog::open(file)) {}
    bool fails = false;
    void publish(const Release& release, const Job& job) override {
        if (fails) throw std::runtime_error("disk I/O error");
        real_->publish(release, job);
    }
    void add_job(const Job& job) override { real_->add_job(job); }
    std::size_t add_queued(const Job& job, std::size_t most) override { return real_->add_queued(job, most); }
    std::vector<std::pair<std::string, std::string>> last_runs(std::size_t limit) override {
        return real_->last_runs(limit);
    }
    std::optional<Job> job(const std::string& id) override { return real_->job(id); }
    std::vector<Job> jobs(const std::string& kind, std::size_t limit, const std::string& before) override {
        return real_->jobs(kind, limit, before);
    }
    void update_job(const Job& job) override { real_->update_job(job); }
    std::optional<Job> claim_job(const std::string& now) override { return real_->claim_job(now); }
    bool cancel_queued(const std::string& id, const std::string& now) override { return real_->cancel_queued(id, now); }
    void forget_secrets(const Job& job) override { real_->forget_secrets(job); }
    std::vector<Job> unfinished_jobs() override { return real_->unfinished_jobs(); }
    std::vector<Release> releases(std::size_t limit, const std::string& before) override {
        return real_->releases(limit, before);
    }
    std::optional<Release> release(const std::string& name) override { return real_->release(name); }
    std::optional<server::catalog::Artifact> artifact(const std::string& id) override { return real_->artifact(id); }
    std::optional<server::catalog::Artifact> file(const std::string& r, const std::string& f) override {
        return real_->file(r, f);
    }
    bool refers_to(const std::string& sha256) override { return real_->refers_to(sha256); }
    std::optional<server::catalog::StoredRecipe> add_recipe(const server::catalog::StoredRecipe& r, int most) override {
        return real_->add_recipe(r, most);
    }
    std::optional<server::catalog::StoredRecipe> recipe(const std::string& name, int version) override {
        return real_->recipe(name, version);
    }
    std::vector<server::catalog::StoredRecipe> recipes(std::size_t limit, const std::string& after) override {
        return real_->recipes(limit, after);
    }
    std::vector<server::catalog::StoredRecipe> recipe_versions(const std::string& name) override {
        return real_->recipe_versions(name);
    }

private:
    std::unique_ptr<Catalog> real_;
};

class Publish : public testing::Test {
protected:
    Publish()
        : folder(fs::path(testing::TempDir()) / ("publish_test." + std::to_string(::getpid()))),
          cleaned((fs::remove_all(folder), fs::create_directories(folder))),
          catalog(folder / "catalog.db"),
          store(folder / "store"),
          key(server::publish::SigningKey::load_or_create(folder)) {}
    ~Publish() override { fs::remove_all(folder); }

    // A finished worker's folder, and its job in the catalog.
    Job worker_did(const std::string& id, const std::string& content = "image") {
        const fs::path out = folder / id / "out";
        fs::create_directories(out);
        std::ofstream(out / "debian-12-20261121-pvhvm.xva.xz", std::ios::binary) << content;
        worker::write_result(
            {"debian-12-20261121-pvhvm",
             "Debian 12, pvhvm",
             "{}",
             {{"debian-12-20261121-pvhvm.xva.xz", "xva.xz", content.size(),
               formats::Sha256::of(formats::digest_hex(DigestKind::sha256, content), "sha256"),
               formats::Md5::of(formats::digest_hex(DigestKind::md5, content), "md5"), 7,
               formats::Sha256::of(std::string(64, 'a'), "sha256"), formats::Md5::of(std::string(32, 'b'), "md5")}}},
            folder / id / "result.json");
        Job job{id, "build", JobState::publishing, "{}", "rootpw Schatz17\n", "2026-11-21T06:00:00Z", "", "", 1, "", 0,
                "", ""};
        catalog.add_job(job);
        return job;
    }
    Release publish(const Job& job) {
        return publish_release(worker::read_result(folder / job.id / "result.json"),
                               {"debian-12-20261121-pvhvm", "Debian 12, pvhvm", false, {"xva.xz"}}, job,
                               folder / job.id, folder / "releases", key, store, catalog, "2026-11-21T07:00:00Z");
    }
    std::set<std::string> released() const {
        std::set<std::string> names;
        for (const auto& entry : fs::directory_iterator(folder / "releases")) names.insert(entry.path().filename());
        return names;
    }

    fs::path folder;
    bool cleaned;
    FailingCatalog catalog;
    server::store::Store store;
    server::publish::SigningKey key;
};

TEST_F(Publish, every_file_stands_in_signed_lists_the_store_and_the_catalog) {
    const Release release = publish(worker_did("01"));
    const fs::path files = folder / "releases" / release.name;
    const std::string sums = read(files / "SHA256SUMS");
    for (const auto& artifact : release.artifacts) {
        const std::string content = read(files / artifact.file_name);
        EXPECT_EQ(content, read(store.path(formats::Sha256::of(artifact.sha256, artifact.file_name))));
        EXPECT_EQ(formats::digest_hex(DigestKind::sha256, content), artifact.sha256) << artifact.file_name;
        EXPECT_EQ(formats::digest_hex(DigestKind::md5, content), artifact.md5) << artifact.file_name;
        EXPECT_EQ(content.size(), artifact.size);
        if (artifact.format != "signature" && !artifact.format.ends_with("SUMS")) {
            EXPECT_THAT(sums, HasSubstr(artifact.sha256 + "  " + artifact.file_name + "\n"));
        }
        EXPECT_TRUE(catalog.file(release.name, artifact.file_name));
    }
    for (const std::string list : {"SHA256SUMS", "MD5SUMS"}) {
        EXPECT_TRUE(signature_is_right(key.public_pem(), read(files / list), read(files / (list + ".sig"))));
        EXPECT_FALSE(signature_is_right(key.public_pem(), read(files / list) + " ", read(files / (list + ".sig"))));
    }
    EXPECT_EQ(catalog.job("01")->state, JobState::done);
    EXPECT_EQ(catalog.job("01")->release, release.name);
}

TEST_F(Publish, the_image_is_linked_not_written_again) {
    const Release release = publish(worker_did("01"));
    struct stat made {
    }, published{};
    ASSERT_EQ(::stat((folder / "01/out/debian-12-20261121-pvhvm.xva.xz").c_str(), &made), 0);
    ASSERT_EQ(::stat((folder / "releases" / release.name / (release.name + ".xva.xz")).c_str(), &published), 0);
    EXPECT_EQ(made.st_ino, published.st_ino);
}

TEST_F(Publish, the_recipe_in_the_catalog_has_no_password) {
    const Release release = publish(worker_did("01"));
    EXPECT_THAT(read(folder / "releases" / release.name / (release.name + ".ks")), Not(HasSubstr("Schatz17")));
}

TEST_F(Publish, the_recipe_in_the_catalog_has_no_secret_of_a_script_or_an_address) {
    Job job = worker_did("01");
    job.recipe =
        "lang C\nurl --url=http://me:Schatz17@host/\nuser --name=a --pa=Schatz17\n#rootpw Schatz17\n"
        "%addon com_example\nSchatz17\n%end\n%post\necho root:Schatz17 | chpasswd\n%end\n";
    const Release release = publish(job);
    const std::string text = read(folder / "releases" / release.name / (release.name + ".ks"));
    EXPECT_THAT(text, HasSubstr("lang C\nurl --url=http://(removed)@host/\n"));
    EXPECT_THAT(text, Not(HasSubstr("Schatz17")));
}

TEST_F(Publish, a_conversion_has_no_recipe_to_publish) {
    Job job = worker_did("01");
    job.recipe.clear();
    const Release release = publish(job);
    for (const auto& artifact : release.artifacts) EXPECT_NE(artifact.format, "kickstart");
    EXPECT_FALSE(fs::exists(folder / "releases" / release.name / (release.name + ".ks")));
}

TEST_F(Publish, a_taken_name_gets_a_number_behind_the_date_and_so_do_its_files) {
    EXPECT_EQ(publish(worker_did("01", "one")).name, "debian-12-20261121-pvhvm");
    const Release second = publish(worker_did("02", "two"));
    EXPECT_EQ(second.name, "debian-12-20261121.2-pvhvm");
    EXPECT_EQ(read(folder / "releases" / second.name / "debian-12-20261121.2-pvhvm.xva.xz"), "two");
    EXPECT_EQ(publish(worker_did("03", "three")).name, "debian-12-20261121.3-pvhvm");
    EXPECT_EQ(read(folder / "releases/debian-12-20261121-pvhvm/debian-12-20261121-pvhvm.xva.xz"), "one");
}

TEST_F(Publish, nothing_can_be_seen_when_the_catalog_fails_and_the_next_try_succeeds) {
    const Job job = worker_did("01");
    catalog.fails = true;
    EXPECT_THROW(publish(job), std::runtime_error);
    EXPECT_TRUE(catalog.releases(10, "").empty());
    EXPECT_EQ(catalog.job("01")->state, JobState::publishing);
    catalog.fails = false;
    const Release release = publish(job);
    EXPECT_EQ(release.name, "debian-12-20261121-pvhvm");
    EXPECT_EQ(released(), std::set<std::string>{release.name});
}

TEST_F(Publish, a_worker_that_lies_about_its_files_publishes_nothing) {
    const Job job = worker_did("01");
    fs::remove(folder / "01/out/debian-12-20261121-pvhvm.xva.xz");
    EXPECT_THROW(publish(job), std::exception);
    EXPECT_TRUE(catalog.releases(10, "").empty());
    for (const std::string& name : released()) EXPECT_TRUE(name.starts_with('.')) << name;
}

TEST_F(Publish, what_an_earlier_death_left_half_done_is_swept_away) {
    fs::create_directories(folder / "releases/.incoming-01");
    std::ofstream(folder / "releases/.incoming-01/half") << "half";
    fs::create_directories(folder / "releases/debian-12-20261121-pvhvm");
    std::ofstream(folder / "releases/debian-12-20261121-pvhvm/stray") << "stray";
    const Release release = publish(worker_did("01"));
    EXPECT_EQ(released(), std::set<std::string>{release.name});
    EXPECT_FALSE(fs::exists(folder / "releases" / release.name / "stray"));
    EXPECT_FALSE(fs::exists(folder / "releases" / release.name / "half"));
}

TEST_F(Publish, a_result_with_a_path_in_a_name_is_refused) {
    Job job = worker_did("01");
    auto result = worker::read_result(folder / "01/result.json");
    for (const std::string name : {"../../escape", "/etc/passwd", "a/b", "..", ""}) {
        result.products[0].file_name = name;
        worker::write_result(result, folder / "01/result.json");
        EXPECT_THROW(publish(job), std::exception) << name;
    }
}

TEST_F(Publish, a_result_of_other_json_is_an_error_not_a_crash) {
    worker_did("01");
    for (const std::string text :
         {"", "[]", "{}", R"({"release_name":1,"title":"","details":{},"products":[]})", "{\"products\":"}) {
        std::ofstream(folder / "01/result.json", std::ios::trunc) << text;
        EXPECT_THROW(worker::read_result(folder / "01/result.json"), std::exception) << text;
    }
}

TEST_F(Publish, a_private_key_that_others_can_read_is_refused) {
    fs::permissions(folder / "signing-key.pem", fs::perms::others_read, fs::perm_options::add);
    EXPECT_THROW(server::publish::SigningKey::load_or_create(folder), std::exception);
}

TEST_F(Publish, the_key_stays_the_same_and_is_for_its_owner_only) {
    EXPECT_EQ(server::publish::SigningKey::load_or_create(folder).public_pem(), key.public_pem());
    EXPECT_EQ(fs::status(folder / "signing-key.pem").permissions() & fs::perms::all,
              fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(Publish, the_catalog_survives_being_closed) {
    publish(worker_did("01"));
    const auto again = Catalog::open(folder / "catalog.db");
    EXPECT_EQ(again->releases(10, "").size(), 1U);
    EXPECT_FALSE(again->claim_job("now"));
}

TEST_F(Publish, a_catalog_of_a_newer_release_is_refused_and_left_as_it_is) {
    const fs::path file = folder / "newer.db";
    Catalog::open(file);
    server::catalog::Database newer(file);
    newer.execute("PRAGMA user_version = 1000");
    try {
        Catalog::open(file);
        ADD_FAILURE() << "a schema that nobody here knows was opened";
    } catch (const std::runtime_error& error) {
        EXPECT_THAT(error.what(), HasSubstr("newer.db was written by a newer xenkiln (schema 1000, this one knows "));
    }
    server::catalog::Statement version(newer, "PRAGMA user_version");
    ASSERT_TRUE(version.step());
    EXPECT_EQ(version.number(0), 1000);
}

TEST_F(Publish, jobs_are_claimed_in_their_order_once) {
    for (const std::string id : {"a1", "a2"})
        catalog.add_job({id, "build", JobState::queued, "{}", "", "t", "", "", 0, "", 0, "", ""});
    EXPECT_EQ(catalog.claim_job("t")->id, "a1");
    EXPECT_FALSE(catalog.cancel_queued("a1", "t"));
    EXPECT_TRUE(catalog.cancel_queued("a2", "t"));
    EXPECT_FALSE(catalog.claim_job("t"));
    EXPECT_EQ(catalog.unfinished_jobs().size(), 1U);
    EXPECT_EQ(catalog.job("a1")->attempts, 1);
}

}  // namespace
