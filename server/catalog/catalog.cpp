// SPDX-License-Identifier: Apache-2.0
#include "server/catalog/catalog.hpp"

#include <array>
#include <mutex>
#include <stdexcept>

#include "server/catalog/schema.hpp"
#include "server/catalog/sqlite.hpp"

namespace server::catalog {
namespace {

constexpr int schema_version = std::size(schema_steps);
constexpr const char* recipe_columns = "name, version, text, created, sha256, token_sha256";
constexpr const char* job_columns =
    "id, kind, state, request, recipe, created, started, finished, attempts, step, progress, error, release";
constexpr const char* artifact_columns =
    "sha256, release, file_name, format, size, sha256, md5, image_size, image_sha256, image_md5";
constexpr std::array<std::string_view, 6> states{"queued", "running", "publishing", "done", "failed", "cancelled"};

JobState state_from(const std::string& name) {
    for (std::size_t i = 0; i < states.size(); ++i)
        if (states.at(i) == name) return static_cast<JobState>(i);
    throw std::runtime_error("catalog: a job has the unknown state '" + name + "'");
}

Job read_job(const Statement& row) {
    return {row.text(0), row.text(1), state_from(row.text(2)),         row.text(3), row.text(4),  row.text(5),
            row.text(6), row.text(7), static_cast<int>(row.number(8)), row.text(9), row.real(10), row.text(11),
            row.text(12)};
}

Artifact read_artifact(const Statement& row) {
    return {row.text(0),
            row.text(1),
            row.text(2),
            row.text(3),
            static_cast<std::uint64_t>(row.number(4)),
            row.text(5),
            row.text(6),
            static_cast<std::uint64_t>(row.number(7)),
            row.text(8),
            row.text(9)};
}

class SqliteCatalog : public Catalog {
public:
    explicit SqliteCatalog(const std::filesystem::path& file) : db_(file) {
        db_.execute(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = "
            "10000; PRAGMA secure_delete = ON;");  // what is forgotten is overwritten
        Statement version(db_, "PRAGMA user_version");
        version.step();
        const auto found = static_cast<int>(version.number(0));
        if (found > schema_version)
            throw std::runtime_error("catalog: " + file.string() + " was written by a newer xenkiln (schema " +
                                     std::to_string(found) + ", this one knows " + std::to_string(schema_version) +
                                     ")");
        if (found < schema_version) {
            Transaction transaction(db_);
            for (int step = found; step < schema_version; ++step) db_.execute(schema_steps[step]);
            db_.execute(("PRAGMA user_version = " + std::to_string(schema_version)).c_str());
            transaction.commit();
        }
    }

    void add_job(const Job& job) override {
        const std::lock_guard lock(mutex_);
        add(job);
    }

    std::size_t add_queued(const Job& job, std::size_t most) override {
        const std::lock_guard lock(mutex_);
        Transaction transaction(db_);
        std::size_t queued = 0;
        {
            Statement count(db_, "SELECT count(*) FROM job WHERE state = 'queued'");
            count.step();
            queued = static_cast<std::size_t>(count.number(0));
        }
        if (queued < most) add(job);
        transaction.commit();
        return queued;
    }

    std::vector<std::pair<std::string, std::string>> last_runs(std::size_t limit) override {
        const std::lock_guard lock(mutex_);
        Statement select(db_,
                         "SELECT started, finished FROM job WHERE state IN ('done', 'failed') AND started <> '' AND "
                         "finished <> '' ORDER BY number DESC LIMIT ?");
        select.bind(static_cast<std::int64_t>(limit));
        std::vector<std::pair<std::string, std::string>> found;
        while (select.step()) found.emplace_back(select.text(0), select.text(1));
        return found;
    }

    std::optional<Job> job(const std::string& id) override {
        const std::lock_guard lock(mutex_);
        Statement select(db_, std::string("SELECT ") + job_columns + " FROM job WHERE id = ?");
        select.bind(id);
        if (!select.step()) return std::nullopt;
        return read_job(select);
    }

    std::vector<Job> jobs(const std::string& kind, std::size_t limit, const std::string& before) override {
        return select_jobs(
            "kind = ? AND number < coalesce((SELECT number FROM job WHERE id = ?), 9223372036854775807) ORDER BY "
            "number DESC LIMIT "
            "?",
            kind, before, static_cast<std::int64_t>(limit));
    }

    void update_job(const Job& job) override {
        const std::lock_guard lock(mutex_);
        update(job);
    }

    void forget_secrets(const Job& job) override {
        const std::lock_guard lock(mutex_);
        Statement statement(db_, "UPDATE job SET recipe = ?, request = ?, error = ? WHERE id = ?");
        statement.bind(job.recipe, job.request, job.error, job.id);
        statement.step();
    }

    std::optional<Job> claim_job(const std::string& now) override {
        const std::lock_guard lock(mutex_);
        Transaction transaction(db_);
        Statement select(
            db_, std::string("SELECT ") + job_columns + " FROM job WHERE state = 'queued' ORDER BY number LIMIT 1");
        if (!select.step()) return std::nullopt;
        Job job = read_job(select);
        job.state = JobState::running;
        job.started = now;
        job.attempts += 1;
        job.progress = 0;
        update(job);
        transaction.commit();
        return job;
    }

    bool cancel_queued(const std::string& id, const std::string& now) override {
        const std::lock_guard lock(mutex_);
        Statement cancel(db_, "UPDATE job SET state = 'cancelled', finished = ? WHERE id = ? AND state = 'queued'");
        cancel.bind(now, id);
        cancel.step();
        return db_.changes() == 1;
    }

    std::vector<Job> unfinished_jobs() override {
        return select_jobs("state IN ('running', 'publishing') ORDER BY number");
    }

    void publish(const Release& release, const Job& finished) override {
        const std::lock_guard lock(mutex_);
        Transaction transaction(db_);
        Statement insert(db_, "INSERT INTO release (name, title, created, build, details) VALUES (?,?,?,?,?)");
        insert.bind(release.name, release.title, release.created, release.build, release.details);
        insert.step();
        for (const Artifact& artifact : release.artifacts) {
            Statement add(db_,
                          "INSERT INTO artifact (release, file_name, format, size, sha256, md5, image_size, "
                          "image_sha256, image_md5) "
                          "VALUES (?,?,?,?,?,?,?,?,?)");
            add.bind(release.name, artifact.file_name, artifact.format, artifact.size, artifact.sha256, artifact.md5,
                     artifact.image_size, artifact.image_sha256, artifact.image_md5);
            add.step();
        }
        update(finished);
        transaction.commit();
    }

    std::vector<Release> releases(std::size_t limit, const std::string& before) override {
        const std::lock_guard lock(mutex_);
        Statement select(
            db_,
            "SELECT name, title, created, build, details FROM release WHERE number < coalesce((SELECT number FROM "
            "release WHERE name = ?), 9223372036854775807) ORDER BY number DESC LIMIT ?");
        select.bind(before, static_cast<std::int64_t>(limit));
        std::vector<Release> found;
        while (select.step()) found.push_back(read_release(select));
        for (Release& release : found) release.artifacts = artifacts(release.name);
        return found;
    }

    std::optional<Release> release(const std::string& name) override {
        const std::lock_guard lock(mutex_);
        Statement select(db_, "SELECT name, title, created, build, details FROM release WHERE name = ?");
        select.bind(name);
        if (!select.step()) return std::nullopt;
        Release found = read_release(select);
        found.artifacts = artifacts(name);
        return found;
    }

    std::optional<Artifact> artifact(const std::string& id) override {
        return select_artifact("sha256 = ? ORDER BY release LIMIT 1", id);
    }

    std::optional<Artifact> file(const std::string& release, const std::string& file_name) override {
        return select_artifact("release = ? AND file_name = ?", release, file_name);
    }

    bool refers_to(const std::string& sha256) override { return artifact(sha256).has_value(); }

    std::optional<StoredRecipe> add_recipe(const StoredRecipe& recipe, int most) override {
        const std::lock_guard lock(mutex_);
        Transaction transaction(db_);
        const std::vector<StoredRecipe> newest = select_recipes("name = ? ORDER BY version DESC LIMIT 1", recipe.name);
        if (!newest.empty() && newest.front().sha256 == recipe.sha256) return newest.front();
        StoredRecipe added = recipe;
        added.version = newest.empty() ? 1 : newest.front().version + 1;
        if (added.version > most) return std::nullopt;
        Statement insert(db_, std::string("INSERT INTO recipe (") + recipe_columns + ") VALUES (?,?,?,?,?,?)");
        insert.bind(added.name, added.version, added.text, added.created, added.sha256, added.token_sha256);
        insert.step();
        transaction.commit();
        return added;
    }

    std::optional<StoredRecipe> recipe(const std::string& name, int version) override {
        const std::lock_guard lock(mutex_);
        const std::vector<StoredRecipe> found =
            select_recipes("name = ? AND (version = ? OR ? = 0) ORDER BY version DESC LIMIT 1", name, version, version);
        return found.empty() ? std::nullopt : std::optional(found.front());
    }

    std::vector<StoredRecipe> recipes(std::size_t limit, const std::string& after) override {
        const std::lock_guard lock(mutex_);
        return select_recipes(
            "name > ? AND version = (SELECT max(version) FROM recipe AS other WHERE other.name = recipe.name) "
            "ORDER BY name LIMIT ?",
            after, static_cast<std::int64_t>(limit));
    }

    std::vector<StoredRecipe> recipe_versions(const std::string& name) override {
        const std::lock_guard lock(mutex_);
        return select_recipes("name = ? ORDER BY version DESC", name);
    }

private:
    static Release read_release(const Statement& row) {
        return {row.text(0), row.text(1), row.text(2), row.text(3), row.text(4), {}};
    }

    template <class... Values>
    std::vector<Job> select_jobs(const std::string& where, const Values&... values) {
        const std::lock_guard lock(mutex_);
        Statement select(db_, std::string("SELECT ") + job_columns + " FROM job WHERE " + where);
        select.bind(values...);
        std::vector<Job> found;
        while (select.step()) found.push_back(read_job(select));
        return found;
    }

    // The lock is held.
    template <class... Values>
    std::vector<StoredRecipe> select_recipes(const std::string& where, const Values&... values) {
        Statement select(db_, std::string("SELECT ") + recipe_columns + " FROM recipe WHERE " + where);
        select.bind(values...);
        std::vector<StoredRecipe> found;
        while (select.step())
            found.push_back({select.text(0), static_cast<int>(select.number(1)), select.text(2), select.text(3),
                             select.text(4), select.text(5)});
        return found;
    }

    template <class... Values>
    std::optional<Artifact> select_artifact(const std::string& where, const Values&... values) {
        const std::lock_guard lock(mutex_);
        Statement select(db_, std::string("SELECT ") + artifact_columns + " FROM artifact WHERE " + where);
        select.bind(values...);
        if (!select.step()) return std::nullopt;
        return read_artifact(select);
    }

    std::vector<Artifact> artifacts(const std::string& release) {
        Statement select(
            db_, std::string("SELECT ") + artifact_columns + " FROM artifact WHERE release = ? ORDER BY file_name");
        select.bind(release);
        std::vector<Artifact> found;
        while (select.step()) found.push_back(read_artifact(select));
        return found;
    }

    void add(const Job& job) {
        Statement insert(db_, std::string("INSERT INTO job (") + job_columns + ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)");
        insert.bind(job.id, job.kind, to_string(job.state), job.request, job.recipe, job.created, job.started,
                    job.finished, job.attempts, job.step, job.progress, job.error, job.release);
        insert.step();
    }

    void update(const Job& job) {
        Statement statement(
            db_,
            "UPDATE job SET state = ?, started = ?, finished = ?, attempts = ?, step = ?, progress = ?, "
            "error = ?, release = ? WHERE id = ?");
        statement.bind(to_string(job.state), job.started, job.finished, job.attempts, job.step, job.progress, job.error,
                       job.release, job.id);
        statement.step();
    }

    std::mutex mutex_;
    Database db_;
};

}  // namespace

std::string_view to_string(JobState state) {
    return states.at(static_cast<std::size_t>(state));
}

std::unique_ptr<Catalog> Catalog::open(const std::filesystem::path& file) {
    return std::make_unique<SqliteCatalog>(file);
}

}  // namespace server::catalog
