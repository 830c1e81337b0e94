// SPDX-License-Identifier: Apache-2.0
#pragma once
// The service's seams in memory, and an Api over them: a catalog of plain vectors, a queue that
// accepts, refuses or cancels as it is told, and files in a folder that goes with the test.
#include <gmock/gmock.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "server/api/api.hpp"

namespace support {

class FakeCatalog : public server::catalog::Catalog {
public:
    std::vector<server::catalog::Job> all_jobs;          // newest first
    std::vector<server::catalog::Release> all_releases;  // newest first
    std::string broken;                                  // every call throws this when not empty

    void add_job(const server::catalog::Job& job) override { all_jobs.insert(all_jobs.begin(), job); }
    std::size_t add_queued(const server::catalog::Job& job, std::size_t) override {
        add_job(job);
        return 0;
    }
    std::vector<std::pair<std::string, std::string>> last_runs(std::size_t) override { return {}; }
    std::optional<server::catalog::Job> job(const std::string& id) override {
        check();
        for (const auto& job : all_jobs)
            if (job.id == id) return job;
        return std::nullopt;
    }
    std::vector<server::catalog::Job> jobs(const std::string& kind, std::size_t limit,
                                           const std::string& before) override {
        std::vector<server::catalog::Job> of_kind;
        std::copy_if(all_jobs.begin(), all_jobs.end(), std::back_inserter(of_kind),
                     [&](const auto& job) { return job.kind == kind; });
        return page(of_kind, &server::catalog::Job::id, limit, before);
    }
    void update_job(const server::catalog::Job&) override {}
    void forget_secrets(const server::catalog::Job&) override {}
    std::optional<server::catalog::Job> claim_job(const std::string&) override { return std::nullopt; }
    bool cancel_queued(const std::string&, const std::string&) override { return false; }
    std::vector<server::catalog::Job> unfinished_jobs() override { return {}; }
    void publish(const server::catalog::Release& release, const server::catalog::Job&) override {
        all_releases.insert(all_releases.begin(), release);
    }
    std::vector<server::catalog::Release> releases(std::size_t limit, const std::string& before) override {
        return page(all_releases, &server::catalog::Release::name, limit, before);
    }
    std::optional<server::catalog::Release> release(const std::string& name) override {
        check();
        for (const auto& release : all_releases)
            if (release.name == name) return release;
        return std::nullopt;
    }
    std::optional<server::catalog::Artifact> artifact(const std::string& id) override {
        return find([&](const auto& artifact) { return artifact.id == id; });
    }
    std::optional<server::catalog::Artifact> file(const std::string& release, const std::string& name) override {
        return find([&](const auto& artifact) { return artifact.release == release && artifact.file_name == name; });
    }
    bool refers_to(const std::string& sha256) override { return artifact(sha256).has_value(); }
    std::optional<server::catalog::StoredRecipe> add_recipe(const server::catalog::StoredRecipe&, int) override {
        return std::nullopt;
    }
    std::optional<server::catalog::StoredRecipe> recipe(const std::string&, int) override { return std::nullopt; }
    std::vector<server::catalog::StoredRecipe> recipes(std::size_t, const std::string&) override { return {}; }
    std::vector<server::catalog::StoredRecipe> recipe_versions(const std::string&) override { return {}; }

private:
    void check() const {
        if (!broken.empty()) throw std::runtime_error(broken);
    }
    template <class T>
    std::vector<T> page(const std::vector<T>& all, std::string T::*name, std::size_t limit, const std::string& before) {
        check();
        auto from = all.begin();
        if (!before.empty()) {
            from = std::find_if(all.begin(), all.end(), [&](const T& one) { return one.*name == before; });
            from = from == all.end() ? all.begin() : from + 1;
        }
        const auto count = std::min<std::ptrdiff_t>(all.end() - from, static_cast<std::ptrdiff_t>(limit));
        return {from, from + count};
    }
    template <class Match>
    std::optional<server::catalog::Artifact> find(const Match& match) {
        check();
        for (const auto& release : all_releases)
            for (const auto& artifact : release.artifacts)
                if (match(artifact)) return artifact;
        return std::nullopt;
    }
};

class FakeRunner : public server::jobs::JobRunner {
public:
    std::filesystem::path folder;
    FakeCatalog* catalog = nullptr;  // where submitted jobs go
    std::vector<server::jobs::Submission> submitted;
    std::vector<std::string> cancelled;
    bool cancels = true;
    std::string refusal;                          // submit() finds no space when not empty
    std::optional<server::jobs::QueueFull> full;  // submit() finds the queue so

    std::string submit(const server::jobs::Submission& submission) override {
        if (!refusal.empty()) throw builders::NoSpace(refusal);
        if (full) throw server::jobs::QueueFull(*full);
        submitted.push_back(submission);
        const std::string id = "00000000000000" + std::to_string(10 + submitted.size());
        if (catalog)
            catalog->add_job({id, submission.kind, server::catalog::JobState::queued, submission.request,
                              submission.recipe, "2026-11-21T06:00:00Z", "", "", 0, "", 0, "", ""});
        return id;
    }
    bool cancel(const std::string& id) override {
        cancelled.push_back(id);
        return cancels;
    }

    void begin_no_more() override {}

    // More than one thread: the http tests append while a listener waits.
    void happen(std::string type, std::string data) {
        const std::lock_guard lock(mutex_);
        happened_.push_back({happened_.size() + 1, std::move(type), std::move(data)});
    }
    void end() {
        const std::lock_guard lock(mutex_);
        ended_ = true;
    }
    server::Events events(const std::string&, std::uint64_t after, unsigned milliseconds) override {
        const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
        for (;;) {
            {
                const std::lock_guard lock(mutex_);
                server::Events found;
                if (after < happened_.size())
                    found.events.assign(happened_.begin() + static_cast<std::ptrdiff_t>(after), happened_.end());
                found.ended = ended_;
                if (!found.events.empty() || ended_ || std::chrono::steady_clock::now() >= until) return found;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
    }
    std::filesystem::path log_file(const std::string& id) override { return folder / (id + ".log"); }

private:
    std::mutex mutex_;
    std::vector<server::Event> happened_;
    bool ended_ = false;
};

// Everything an Api needs, in a folder of its own.
class ApiTest : public testing::Test {
protected:
    ApiTest()
        : folder(std::filesystem::path(testing::TempDir()) /
                 ("api_test." + std::to_string(::getpid()) + "." +
                  testing::UnitTest::GetInstance()->current_test_info()->name())),
          cleaned((std::filesystem::remove_all(folder), std::filesystem::create_directories(folder))),
          store(folder / "store"),
          key(server::publish::SigningKey::load_or_create(folder)) {
        config.data = folder;
        config.port = 8080;
        runner.folder = folder;
        runner.catalog = &catalog;
    }
    ~ApiTest() override { std::filesystem::remove_all(folder); }

    static std::string digest_of(char digit) { return std::string(64, digit); }
    std::filesystem::path stored(const std::string& digest) const {
        return store.path(formats::Sha256::of(digest, "a test's digest"));
    }

    void put(const std::filesystem::path& path, const std::string& text) const {
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path, std::ios::binary) << text;
    }

    // A release with an image, its ova.xml and a checksum list; the files are in the store.
    server::catalog::Release& add_release(const std::string& name, const std::string& details = "{}") {
        server::catalog::Release release{name, "Debian 12, PVHVM", "2026-11-21T06:30:00Z", "00112233445566ff", details,
                                         {}};
        const auto add = [&](const std::string& file, const std::string& format, const std::string& content,
                             char digit) {
            put(stored(digest_of(digit)), content);
            release.artifacts.push_back({digest_of(digit), name, file, format, content.size(), digest_of(digit),
                                         std::string(32, digit), format == "xva.xz" ? 1073741824U : 0U,
                                         format == "xva.xz" ? std::string(64, 'e') : "",
                                         format == "xva.xz" ? std::string(32, 'f') : ""});
        };
        add(name + ".xva.xz", "xva.xz", std::string(300000, 'x') + "end", 'a');
        add(name + ".ova.xml", "ova.xml", "<value/>", 'b');
        add("SHA256SUMS", "SHA256SUMS", digest_of('a') + "  " + name + ".xva.xz\n", 'c');
        catalog.publish(release, {});
        return catalog.all_releases.front();
    }

    server::Request request(std::string method, std::string path) const {
        return {std::move(method), std::move(path), {}, {{"host", "127.0.0.1:8080"}}, {}};
    }
    server::Response get(const std::string& path) { return api.handle(request("GET", path)); }
    server::Response post(const std::string& recipe, std::vector<std::pair<std::string, std::string>> query = {},
                          const std::string& type = "text/x-kickstart") {
        server::Request post = request("POST", "/v1/builds");
        post.query = std::move(query);
        post.headers["content-type"] = type;
        post.body = recipe;
        return api.handle(post);
    }
    static std::string header(const server::Response& response, const std::string& name) {
        const auto lower = [](std::string text) {
            std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
            return text;
        };
        for (const auto& [key, value] : response.headers)
            if (lower(key) == lower(name)) return value;
        return {};
    }
    static boost::json::object json_of(const server::Response& response) {
        return boost::json::parse(response.body).as_object();
    }
    static boost::json::array list_of(const server::Response& response, const char* member) {
        return json_of(response).at(member).as_array();
    }
    // What every error looks like: RFC 9457, with the status repeated inside.
    static boost::json::object problem(const server::Response& response, unsigned status) {
        EXPECT_EQ(response.status, status) << response.body;
        EXPECT_EQ(header(response, "Content-Type"), "application/problem+json");
        boost::json::object problem = json_of(response);
        for (const char* member : {"type", "title", "status", "detail"})
            EXPECT_TRUE(problem.contains(member)) << member;
        EXPECT_EQ(problem.at("status").to_number<unsigned>(), status);
        return problem;
    }

    std::filesystem::path folder;
    bool cleaned;
    server::Config config;
    FakeCatalog catalog;
    FakeRunner runner;
    server::store::Store store;
    server::publish::SigningKey key;
    server::api::Api api{config, catalog, runner, store, key};
};

inline std::string tiny_recipe() {
    std::ifstream file(std::string(XENKILN_SOURCE_DIR) + "/tests/data/recipes/tiny.ks");
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace support
