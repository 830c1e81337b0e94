// SPDX-License-Identifier: Apache-2.0
#pragma once
// The queue's working half: takes queued jobs one after another, runs each in a worker process of
// its own, reads its progress, publishes its result. What a worker does can fail that job and
// nothing else. After a crash of the service, jobs that were running are queued again (at most 3
// attempts) and everything half-done is swept away first.
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "server/catalog/catalog.hpp"
#include "server/config.hpp"
#include "server/store/store.hpp"

namespace server::jobs {

// What happened in a job, in order, from 1. Kept in jobs/<id>/events.jsonl, so that a listener can
// come late or come back.
struct Event {
    std::uint64_t sequence = 0;
    std::string type;  // "state", "step", "progress", "log"
    std::string data;  // one JSON object, one line
};

// The disk cannot hold another job; says both numbers.
class NoSpace : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

// As many jobs wait as may.
class QueueFull : public std::runtime_error {
public:
    QueueFull(std::size_t queued, std::size_t most, std::uint64_t retry_after);
    std::size_t queued, most;
    std::uint64_t retry_after;  // seconds until there may be room
};

struct Submission {
    std::string recipe;   // kickstart text; of a build
    std::string request;  // JSON object: of a build its options, key → text or array of texts; of a conversion
                          // {"conversion": what was asked for, "source": {"name", …}}
    std::string kind = "build";
    std::filesystem::path source = {};  // of a conversion, when it is here: hard-linked, so that it stays
};

class JobRunner {
public:
    // Sweeps, requeues, then starts config.parallel_jobs threads.
    static std::unique_ptr<JobRunner> start(const Config& config, catalog::Catalog& catalog, store::Store& store);
    virtual ~JobRunner() = default;  // stops workers; their jobs go back to the queue

    // Returns the job's id. Throws NoSpace, QueueFull, std::filesystem::filesystem_error when the source has just gone.
    virtual std::string submit(const Submission& submission) = 0;
    // False when the job is unknown or already at its end. Does not wait: the worker has five seconds to end by itself.
    virtual bool cancel(const std::string& id) = 0;
    // Of queued jobs, no more is begun; what runs goes on until it ends or we do.
    virtual void begin_no_more() = 0;

    // Events after `sequence`; waits up to `milliseconds` for the first. `ended` tells that the job
    // is at its end and these were the last.
    struct Events {
        std::vector<Event> events;
        bool ended = false;
    };
    virtual Events events(const std::string& id, std::uint64_t after, unsigned milliseconds) = 0;
    virtual std::filesystem::path log_file(const std::string& id) = 0;
};

}  // namespace server::jobs
