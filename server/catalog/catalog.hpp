// SPDX-License-Identifier: Apache-2.0
#pragma once
// The catalog: releases with their artifacts, and the queue of jobs. Plain values in, plain values
// out; catalog.cpp holds the only <sqlite3.h>, schema_*.sql the tables (portable SQL: PostgreSQL will
// stand behind the same interface). Every call is one transaction. Thread-safe.
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace server::catalog {

// One published file. `image_*` are of what the file holds once decompressed.
struct Artifact {
    std::string id;       // its SHA256, lower-case hex
    std::string release;  // name of its release
    std::string file_name;
    std::string format;      // "xva.xz", "ova.xml", "SHA256SUMS", "signature" …
    std::uint64_t size = 0;  // bytes
    std::string sha256, md5;
    std::uint64_t image_size = 0;  // 0 when the file is not a compressed image
    std::string image_sha256, image_md5;
};

struct Release {
    std::string name;     // "debian-12-20261121-pvhvm": folder and address
    std::string title;    // for people
    std::string created;  // RFC 3339, UTC
    std::string build;    // id of the job that made it
    std::string details;  // JSON: hardware, distribution, disk sizes, packages, notes
    std::vector<Artifact> artifacts;
};

enum class JobState { queued, running, publishing, done, failed, cancelled };
std::string_view to_string(JobState state);

struct Job {
    std::string id;    // 16 hex characters, random
    std::string kind;  // "build", "conversion"
    JobState state = JobState::queued;
    std::string request;                     // JSON: what was asked for, as accepted; {} after its end
    std::string recipe;                      // kickstart text, public after its end; empty for a conversion
    std::string created, started, finished;  // RFC 3339, empty until then
    int attempts = 0;
    std::string step;     // what is being done, "install packages"
    double progress = 0;  // 0..1 of the whole job
    std::string error;    // why it failed, a sentence
    std::string release;  // what it published
};

// A kickstart under a name. Versions count from 1, and what is stored never changes.
struct StoredRecipe {
    std::string name;
    int version = 0;
    std::string text;
    std::string created;       // RFC 3339, UTC
    std::string sha256;        // of the text
    std::string token_sha256;  // of the token that opens the whole text
};

class Catalog {
public:
    static std::unique_ptr<Catalog> open(const std::filesystem::path& file);
    virtual ~Catalog() = default;

    virtual void add_job(const Job& job) = 0;
    // As add_job, unless `most` jobs are queued already; counting and adding are one step. Returns how many were
    // queued.
    virtual std::size_t add_queued(const Job& job, std::size_t most) = 0;
    // Of the jobs that ended last, done or failed, at most `limit`: when each was started and finished.
    virtual std::vector<std::pair<std::string, std::string>> last_runs(std::size_t limit) = 0;
    virtual std::optional<Job> job(const std::string& id) = 0;
    // Of one kind, newest first, at most `limit`, older than job `before` when that is not empty.
    virtual std::vector<Job> jobs(const std::string& kind, std::size_t limit, const std::string& before = {}) = 0;
    virtual void update_job(const Job& job) = 0;  // all but id, kind, request, recipe, created
    // The oldest queued job becomes running, attempts + 1; nothing when none is queued.
    virtual std::optional<Job> claim_job(const std::string& now) = 0;
    // queued → cancelled in one step; false when it was not queued any more.
    virtual bool cancel_queued(const std::string& id, const std::string& now) = 0;
    virtual std::vector<Job> unfinished_jobs() = 0;  // running or publishing: left by a crash

    // Release, artifacts and the job's end (done, its release) in one transaction: the moment
    // from which anything of it can be seen. Throws when the name is taken.
    virtual void publish(const Release& release, const Job& finished) = 0;
    virtual std::vector<Release> releases(std::size_t limit, const std::string& before = {}) = 0;
    virtual std::optional<Release> release(const std::string& name) = 0;
    virtual std::optional<Artifact> artifact(const std::string& id) = 0;
    virtual std::optional<Artifact> file(const std::string& release, const std::string& file_name) = 0;
    virtual bool refers_to(const std::string& sha256) = 0;  // any artifact has this digest

    // As the next version of its name; when the newest one has the same text, that one is returned as it is. Nothing
    // when there are `most` versions already.
    virtual std::optional<StoredRecipe> add_recipe(const StoredRecipe& recipe, int most) = 0;
    virtual std::optional<StoredRecipe> recipe(const std::string& name, int version) = 0;  // 0: the newest
    // The newest version of each name, by name, at most `limit`, behind name `after` when that is not empty.
    virtual std::vector<StoredRecipe> recipes(std::size_t limit, const std::string& after = {}) = 0;
    virtual std::vector<StoredRecipe> recipe_versions(const std::string& name) = 0;  // newest first

    // Request, recipe and error of a job at its end, as everybody may read them; what they were is overwritten.
    virtual void forget_secrets(const Job& job) = 0;
};

}  // namespace server::catalog
