// SPDX-License-Identifier: Apache-2.0
#include "server/jobs/job_runner.hpp"

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <atomic>
#include <boost/json.hpp>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <stop_token>
#include <thread>
#include <utility>

#include "builders/plan/plan_json.hpp"
#include "builders/sandbox/id_range.hpp"
#include "formats/base/whole_file.hpp"
#include "formats/stream/digest.hpp"
#include "server/clock.hpp"
#include "server/jobs/asked.hpp"
#include "server/jobs/event_log.hpp"
#include "server/jobs/forget.hpp"
#include "server/jobs/progress_reader.hpp"
#include "server/jobs/queue_bound.hpp"
#include "server/jobs/worker_process.hpp"
#include "server/publish/publish.hpp"
#include "server/publish/signing_key.hpp"
#include "server/random_hex.hpp"

namespace server::jobs {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using catalog::Job;
using catalog::JobState;

constexpr int max_attempts = 3;
constexpr std::size_t id_bytes = 8;
// What a build needs while it runs: the installed tree, the disk's allocated part, the artifacts. What a conversion
// needs its worker knows when it has looked at the source; this is the least.
std::uint64_t needed_bytes(const std::string& kind) {
    return kind == "build" ? std::uint64_t{3} << 30 : std::uint64_t{64} << 20;
}

std::string state_event(JobState state, const std::string& error = {}) {
    json::object data{{"state", to_string(state)}};
    if (!error.empty()) data["error"] = error;
    return json::serialize(data);
}

class Runner : public JobRunner {
public:
    Runner(const Config& config, catalog::Catalog& catalog, store::Store& store)
        : config_(config), catalog_(catalog), store_(store), key_(publish::SigningKey::load_or_create(config.data)) {
        fs::create_directories(folder());
        ::chmod(folder().c_str(), 0711);
        recover();
        for (unsigned i = 0; i < config.parallel_jobs; ++i)
            threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
    }

    ~Runner() override {
        for (std::jthread& thread : threads_) thread.request_stop();
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
            for (auto& [id, worker] : workers_) worker->kill();
        }
        queued_.notify_all();
        threads_.clear();
    }

    std::string submit(const Submission& submission) override {
        check_space(submission.kind);
        Job job;
        job.id = random_hex(id_bytes);
        job.kind = submission.kind;
        job.created = now_rfc3339();
        const json::value asked = json::parse(submission.request);
        json::object request = job.kind == "build" ? json::object{{"options", asked}} : asked.as_object();
        request["date"] = today();
        request["host"] = json::parse(builders::to_json(config_.host));
        request["reserved_bytes"] = config_.reserved_bytes;
        job.request = json::serialize(request);
        job.recipe = submission.recipe;
        const fs::path place = folder(job.id);
        fs::create_directory(place);
        ::chmod(place.c_str(), 0711);
        try {
            if (!submission.source.empty()) fs::create_hard_link(submission.source, place / "source");
            formats::write_whole_file(place / "request.json", job.request, 0600);
            if (!job.recipe.empty()) formats::write_whole_file(place / "recipe.ks", job.recipe, 0600);
            if (!submission.plan.empty()) formats::write_whole_file(place / builders::plan_file, submission.plan, 0600);
            // Its first event is written before anybody can see the job.
            events_of(job.id)->append("state", state_event(JobState::queued));
            const std::size_t queued = catalog_.add_queued(job, config_.queued_jobs);
            if (queued >= config_.queued_jobs)
                throw QueueFull(queued, config_.queued_jobs,
                                seconds_until_room(catalog_.last_runs(runs_to_judge_by), config_.parallel_jobs));
        } catch (...) {
            forget_events(job.id);
            std::error_code none;
            fs::remove_all(place, none);
            throw;
        }
        queued_.notify_all();
        return job.id;
    }

    void begin_no_more() override { no_more_ = true; }

    bool cancel(const std::string& id) override {
        std::shared_ptr<WorkerProcess> worker;
        {
            const std::lock_guard lock(mutex_);
            if (catalog_.cancel_queued(id, now_rfc3339())) {
                sweep(folder(id), true);
                forget_job(id);
                finish_events(id, JobState::cancelled);
                return true;
            }
            const std::optional<Job> job = catalog_.job(id);
            if (!job || job->state != JobState::running) return false;
            cancelled_.insert(id);
            if (const auto found = workers_.find(id); found != workers_.end()) worker = found->second;
        }
        if (worker) worker->cancel();
        return true;
    }

    Events events(const std::string& id, std::uint64_t after, unsigned milliseconds) override {
        return events_of(id)->after(after, milliseconds);
    }

    // A worker may have put a link in its place: that is no log.
    fs::path log_file(const std::string& id) override {
        const fs::path file = folder(id) / "log.txt";
        return fs::is_symlink(fs::symlink_status(file)) ? fs::path() : file;
    }

private:
    fs::path folder() const { return config_.data / "jobs"; }
    fs::path folder(const std::string& id) const { return folder() / id; }

    void check_space(const std::string& kind) const {
        const std::uint64_t free = fs::space(config_.data).available,
                            need = needed_bytes(kind) + config_.reserved_bytes;
        if (free < need)
            throw builders::NoSpace("a " + kind + " needs " + std::to_string(need >> 20) + " MiB free in " +
                                    config_.data.string() + ", there are " + std::to_string(free >> 20) + " MiB");
    }

    // Logs of jobs at their end are opened anew each time: only running ones are kept.
    std::shared_ptr<EventLog> events_of(const std::string& id) {
        const std::lock_guard lock(events_mutex_);
        if (const auto found = events_.find(id); found != events_.end()) return found->second;
        auto log = std::make_shared<EventLog>(folder(id) / "events.jsonl");
        const std::optional<Job> job = catalog_.job(id);
        if (job &&
            (job->state == JobState::done || job->state == JobState::failed || job->state == JobState::cancelled))
            log->end();
        else
            events_[id] = log;
        return log;
    }

    void finish_events(const std::string& id, JobState state, const std::string& error = {}) {
        const std::shared_ptr<EventLog> log = events_of(id);
        log->append("state", state_event(state, error));
        log->end();
        forget_events(id);
    }

    void forget_events(const std::string& id) {
        const std::lock_guard lock(events_mutex_);
        events_.erase(id);
    }

    // What an earlier life left: stale workers, half-made releases, files that no row speaks of, jobs.
    void recover() {
        for (Job job : catalog_.unfinished_jobs()) {
            kill_stale_worker(folder(job.id));
            if (job.attempts >= max_attempts) {
                job.state = JobState::failed;
                job.finished = now_rfc3339();
                job.error = "the service ended " + std::to_string(job.attempts) + " times while this job was running";
            } else {
                job.state = JobState::queued;
                job.step.clear();
                job.progress = 0;
            }
            catalog_.update_job(job);
            if (job.state == JobState::failed)
                finish_events(job.id, job.state, job.error);
            else
                events_of(job.id)->append("state", state_event(JobState::queued, "the service was restarted"));
        }
        for (const auto& entry : fs::directory_iterator(folder())) {
            const std::optional<Job> job = catalog_.job(entry.path().filename().string());
            const bool at_its_end = !job || job->state != JobState::queued;
            sweep(entry.path(), at_its_end);
            if (!at_its_end) drop_unreadable_plan(entry.path());
            if (job && at_its_end && remembers(entry.path())) forget_job(job->id, true);
        }
        const fs::path releases = config_.data / "releases";
        fs::create_directories(releases);
        for (const auto& entry : fs::directory_iterator(releases))
            if (!catalog_.release(entry.path().filename().string())) fs::remove_all(entry.path());
        for (const formats::Sha256& digest : store_.digests())
            if (!catalog_.refers_to(digest.hex())) store_.remove(digest);
    }

    // A plan that another release wrote in other words: its worker then plans as this release does.
    static void drop_unreadable_plan(const fs::path& job) {
        const fs::path file = job / builders::plan_file;
        if (!fs::exists(fs::symlink_status(file))) return;
        try {
            builders::plan_from_json(formats::read_whole_file(file));
        } catch (const std::exception& error) {
            spdlog::warn("job {} is planned once more: {}", job.filename().string(), error.what());
            fs::remove(file);
        }
    }

    // A job that is not at its end needs its source once more.
    static void sweep(const fs::path& job, bool at_its_end) {
        for (const char* name :
             {"work", "out", "walls", "result.json", "result.json.new", "worker.pid", "worker.pid.new"})
            if (fs::exists(fs::symlink_status(job / name))) builders::remove_tree(job / name);
        if (!at_its_end) return;
        std::vector<fs::path> sources;  // and what is known of them
        for (const auto& entry : fs::directory_iterator(job))
            if (entry.path().filename().string().starts_with("source")) sources.push_back(entry.path());
        for (const fs::path& path : sources) fs::remove_all(path);
    }

    // Its end is in its row. What fails here the next start does.
    void forget_job(const std::string& id, bool mend_logs = false) {
        try {
            if (const std::optional<Job> job = catalog_.job(id)) forget(*job, folder(id), catalog_, mend_logs);
        } catch (const std::exception& error) {
            spdlog::error("job {} still has its recipe: {}", id, error.what());
        }
    }

    void work(const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            std::optional<Job> job;
            if (!no_more_) insistently("take a job", [&] { job = catalog_.claim_job(now_rfc3339()); });
            if (!job) {
                std::unique_lock lock(mutex_);
                queued_.wait_for(lock, std::chrono::seconds(1));
                continue;
            }
            run(*job);
        }
    }

    // What must be in the catalog, however long that has no room: a job that is done with and stands there as running
    // would run again. False: the service stops meanwhile, and the next life finds it as it was.
    bool insistently(const char* what, const std::function<void()>& step) {
        for (bool told = false; !stopping_;) {
            try {
                step();
                return true;
            } catch (const std::exception& error) {
                if (!std::exchange(told, true))
                    spdlog::error("cannot {}: {}; trying until it works", what, error.what());
            }
            std::unique_lock lock(mutex_);
            queued_.wait_for(lock, std::chrono::seconds(1), [&] { return stopping_.load(); });
        }
        return false;
    }

    void run(Job job) {
        const std::shared_ptr<EventLog> log = events_of(job.id);
        const SecretFilter filter = filter_of(job);
        ProgressReader reader(job, *log, catalog_, filter);
        int exit_code = 1;
        try {
            sweep(folder(job.id), false);
            log->append("state", state_event(JobState::running));
            exit_code = run_worker(job.id, reader, filter);
        } catch (const std::exception& error) {
            reader.fail(error.what());
        }
        if (stopping_) {  // not this job's fault: it is queued again by the next life
            sweep(folder(job.id), false);
            return;
        }
        end(reader, job.id, exit_code);
    }

    // As long as it lives, a worker can be found by its job's id.
    struct Known {
        Runner& runner;
        const std::string& id;
        ~Known() {
            const std::lock_guard lock(runner.mutex_);
            runner.workers_.erase(id);
        }
    };

    int run_worker(const std::string& id, ProgressReader& reader, const SecretFilter& filter) {
        auto worker = std::make_shared<WorkerProcess>(config_.worker, folder(id), filter);
        const Known known{*this, id};
        {
            const std::lock_guard lock(mutex_);
            workers_[id] = worker;
            if (stopping_ || cancelled_.contains(id)) worker->kill();
        }
        return worker->wait([&](std::string_view line) { reader.line(line); });
    }

    void end(ProgressReader& reader, const std::string& id, int exit_code) {
        Job& job = reader.job();
        bool was_cancelled = false;
        try {
            {
                const std::lock_guard lock(mutex_);
                was_cancelled = cancelled_.erase(id) > 0;
                if (!was_cancelled && exit_code == 0 && job.error.empty()) {
                    job.state = JobState::publishing;
                    catalog_.update_job(job);
                }
            }
            if (job.state == JobState::publishing) {
                builders::remove_tree(folder(id) / "work");
                reader.begin("publish");
                const std::lock_guard one_at_a_time(publishing_);  // a free name stays free until it is taken
                const catalog::Release release = publish::publish_release(
                    worker::read_result(folder(id) / (job.kind == "build" ? "result.json" : "out/result.json")),
                    asked_of(job, folder(id)), job, folder(id), config_.data / "releases", key_, store_, catalog_,
                    now_rfc3339());
                try {
                    sweep(folder(id), true);
                } catch (const std::exception& error) {  // of a job that is done and told so; the next start sweeps
                    spdlog::error("job {}: cleaning up failed: {}", id, error.what());
                }
                forget_job(id);
                return finish_events(id, JobState::done);
            }
        } catch (const std::exception& error) {
            reader.fail(std::string("publishing failed: ") + error.what());
        }
        if (exit_code > 128 && job.error.empty())
            job.error =
                "the worker was killed by signal " + std::to_string(exit_code - 128) + " during \"" + job.step + "\"";
        else if (exit_code != 0 && job.error.empty())
            job.error = "the worker ended with exit code " + std::to_string(exit_code) + "; see the log";
        job.state = was_cancelled ? JobState::cancelled : JobState::failed;
        if (was_cancelled) job.error.clear();
        job.finished = now_rfc3339();
        try {
            sweep(folder(id), true);
        } catch (const std::exception& error) {
            job.error += std::string(job.error.empty() ? "" : "; ") + "cleaning up failed: " + error.what();
        }
        if (!insistently("write down the end of a job", [&] { catalog_.update_job(job); })) return;
        forget_job(id);  // not before: a job that a restart takes up again needs its recipe
        finish_events(id, job.state, job.error);
    }

    std::mutex publishing_;
    const Config& config_;
    catalog::Catalog& catalog_;
    store::Store& store_;
    publish::SigningKey key_;

    std::mutex mutex_;
    std::condition_variable queued_;
    std::map<std::string, std::shared_ptr<WorkerProcess>> workers_;
    std::set<std::string> cancelled_;
    std::atomic<bool> stopping_ = false, no_more_ = false;

    std::mutex events_mutex_;
    std::map<std::string, std::shared_ptr<EventLog>> events_;
    std::vector<std::jthread> threads_;
};

}  // namespace

std::unique_ptr<JobRunner> JobRunner::start(const Config& config, catalog::Catalog& catalog, store::Store& store) {
    return std::make_unique<Runner>(config, catalog, store);
}

}  // namespace server::jobs
