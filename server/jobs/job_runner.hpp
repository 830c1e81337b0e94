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

#include "builders/job/errors.hpp"
#include "server/catalog/catalog.hpp"
#include "server/config.hpp"
#include "server/message.hpp"
#include "server/store/store.hpp"

namespace server::jobs {

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
    std::string plan = {};  // of a build: builders::private_json() of what was accepted; without it the worker plans
};

class JobRunner {
public:
    // Sweeps, requeues, then starts config.parallel_jobs threads.
    static std::unique_ptr<JobRunner> start(const Config& config, catalog::Catalog& catalog, store::Store& store);
    virtual ~JobRunner() = default;  // stops workers; their jobs go back to the queue

    // Returns the job's id. Throws builders::NoSpace, QueueFull, std::filesystem::filesystem_error when the source has
    // just gone.
    virtual std::string submit(const Submission& submission) = 0;
    // False when the job is unknown or already at its end. Does not wait: the worker has five seconds to end by itself.
    virtual bool cancel(const std::string& id) = 0;
    // Of queued jobs, no more is begun; what runs goes on until it ends or we do.
    virtual void begin_no_more() = 0;

    // Events after `sequence`; waits up to `milliseconds` for the first.
    virtual Events events(const std::string& id, std::uint64_t after, unsigned milliseconds) = 0;
    virtual std::filesystem::path log_file(const std::string& id) = 0;
};

}  // namespace server::jobs
