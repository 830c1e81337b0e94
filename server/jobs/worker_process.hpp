// SPDX-License-Identifier: Apache-2.0
#pragma once
// One worker: a process in a session of its own that runs the job of a folder (run_job.hpp says what
// is spoken on its pipes). One thread waits; any thread may ask it to stop, and is not held by that:
// the waiting thread keeps the deadline. Whom a signal is for is always said by a pidfd, so that it
// cannot reach a stranger who was given the pid since.
//
// When wait() returns, no process of the job lives, whatever sessions and groups it made for itself: a
// worker is the subreaper of what it starts, and this process is the subreaper of workers, so what outlives
// a worker becomes our own child, in a session that is neither ours nor a running worker's. Those, and all
// below them, are killed and reaped until two looks in a row find none. (Where the service is process 1 of a container,
// that ends what others left behind in there, too.)
#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "formats/base/file.hpp"
#include "server/jobs/masked_log.hpp"

namespace server::jobs {

class WorkerProcess {
public:
    // Starts `program FOLDER`; standard error goes to FOLDER/log.txt without what the filter knows, its id to
    // FOLDER/worker.pid. Throws std::system_error, and nothing runs, when the id cannot be written. `grace` is what a
    // worker has between cancel() and its end.
    WorkerProcess(const std::filesystem::path& program, const std::filesystem::path& job_folder,
                  const SecretFilter& filter = {}, std::chrono::milliseconds grace = std::chrono::seconds(5));
    WorkerProcess(const WorkerProcess&) = delete;
    WorkerProcess& operator=(const WorkerProcess&) = delete;
    ~WorkerProcess();  // kills what is left

    // Reads lines until the worker has ended, then reaps it and what it left. 128 + signal when killed.
    // Called once. Throws std::runtime_error when a process of the job cannot be ended.
    int wait(const std::function<void(std::string_view)>& on_line);

    // Both return at once, from any thread, also before wait() and behind it.
    void cancel();  // asks: SIGTERM; killed when the grace is over
    void kill();

private:
    enum class Asked { nothing, cancel, kill };
    void ask(Asked what, int signal);
    int reap() const;

    const std::chrono::milliseconds grace_;
    formats::File lifeline_, output_, process_, wake_;  // pidfd; eventfd: asked_ has changed
    pid_t session_ = -1;                                // the worker's pid; never changes
    std::atomic<Asked> asked_ = Asked::nothing;
    bool reaped_ = false;
    std::unique_ptr<MaskedLog> log_;
};

// Of an earlier life of the service: kills the session named in FOLDER/worker.pid if that process, known
// by its start time, is still the one.
void kill_stale_worker(const std::filesystem::path& job_folder);

}  // namespace server::jobs
