// SPDX-License-Identifier: Apache-2.0
#pragma once
// One worker: a process in a session of its own that runs the job of a folder (run_job.hpp says what
// is spoken on its pipes). When wait() returns, every process of that session is dead.
#include <sys/types.h>

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
    // FOLDER/worker.pid. Throws std::system_error, and nothing runs, when the id cannot be written.
    WorkerProcess(const std::filesystem::path& program, const std::filesystem::path& job_folder,
                  const SecretFilter& filter = {});
    ~WorkerProcess();  // kills what is left

    // Reads lines until the worker closes its output, then reaps it. 128 + signal when killed.
    int wait(const std::function<void(std::string_view)>& on_line);

    // Asks (SIGTERM); from another thread. The worker has five seconds, then its session is killed.
    void cancel();
    void kill();
    pid_t session() const { return session_; }  // of its processes, also when they are gone

private:
    pid_t pid_ = -1, session_ = -1;
    formats::File lifeline_, output_;
    std::unique_ptr<MaskedLog> log_;
};

// Of an earlier life of the service: kills the session named in FOLDER/worker.pid if that process, known
// by its start time, is still the one.
void kill_stale_worker(const std::filesystem::path& job_folder);

}  // namespace server::jobs
