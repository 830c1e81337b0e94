// SPDX-License-Identifier: Apache-2.0
#include "server/jobs/worker_process.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>
#include <sstream>
#include <system_error>
#include <thread>
#include <vector>

#include "builders/process.hpp"
#include "formats/base/whole_file.hpp"

namespace server::jobs {
namespace {

namespace fs = std::filesystem;
using formats::File;

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

struct Status {
    pid_t session = 0;
    std::string started;  // clock ticks since boot: with the pid it names one process for good
    bool zombie = false;
};

Status status_of(const std::string& pid) {
    std::ifstream file("/proc/" + pid + "/stat");
    std::string text;
    std::getline(file, text);
    const std::size_t close = text.rfind(')');
    if (close == std::string::npos) return {};
    std::istringstream rest(text.substr(close + 2));
    std::vector<std::string> fields;
    for (std::string field; rest >> field;) fields.push_back(field);
    if (fields.size() < 20) return {};
    return {static_cast<pid_t>(std::stol(fields[3])), fields[19], fields[0] == "Z"};
}

// True when there was one to kill.
bool kill_session(pid_t session) {
    bool any = false;
    DIR* proc = ::opendir("/proc");
    if (!proc) return false;
    while (const dirent* entry = ::readdir(proc)) {
        const std::string name = entry->d_name;
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        const Status status = status_of(name);
        if (status.session != session || status.zombie) continue;
        ::kill(static_cast<pid_t>(std::stol(name)), SIGKILL);
        any = true;
    }
    ::closedir(proc);
    return any;
}

void kill_session_for_good(pid_t session) {
    for (int round = 0; round < 100 && kill_session(session); ++round)
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

}  // namespace

WorkerProcess::WorkerProcess(const fs::path& program, const fs::path& folder, const SecretFilter& filter) {
    if (::access(program.c_str(), X_OK) != 0) fail("the worker program " + program.string());
    std::array<int, 2> in{}, out{};
    if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0) fail("pipe");
    const File child_in(in[0], "worker"), child_out(out[1], "worker");
    lifeline_ = File(in[1], "worker's lifeline");
    output_ = File(out[0], "worker's output");
    log_ = std::make_unique<MaskedLog>(folder / "log.txt", filter);
    const int log = log_->write_end();
    const std::string program_text = program.string(), folder_text = folder.string();
    std::array<char*, 3> argv{const_cast<char*>(program_text.c_str()), const_cast<char*>(folder_text.c_str()), nullptr};

    pid_ = builders::fork_with_default_signals();
    if (pid_ == 0) {
        ::setsid();
        if (::dup2(child_in.descriptor(), 0) < 0 || ::dup2(child_out.descriptor(), 1) < 0 || ::dup2(log, 2) < 0)
            ::_exit(127);
        ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
        ::execv(argv[0], argv.data());
        ::_exit(127);
    }
    session_ = pid_;
    log_->started();
    try {  // without it, one that outlives a crash of ours could not be found
        formats::write_whole_file(folder / "worker.pid",
                                  std::to_string(pid_) + " " + status_of(std::to_string(pid_)).started + "\n", 0600);
    } catch (...) {
        ::kill(pid_, SIGKILL);  // it may have no session yet
        kill_session_for_good(pid_);
        ::waitpid(pid_, nullptr, 0);
        throw;
    }
}

WorkerProcess::~WorkerProcess() {
    if (pid_ <= 0) return;
    kill_session_for_good(pid_);
    int status = 0;
    ::waitpid(pid_, &status, 0);
}

int WorkerProcess::wait(const std::function<void(std::string_view)>& on_line) {
    std::array<std::byte, 16384> buffer{};
    std::string line;
    while (const std::size_t got = output_.read(buffer)) {
        for (const std::byte byte : std::span(buffer).first(got)) {
            if (byte != std::byte{'\n'}) {
                if (line.size() < (std::size_t{1} << 20)) line += static_cast<char>(byte);
                continue;
            }
            on_line(line);
            line.clear();
        }
    }
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    kill_session_for_good(pid_);
    log_.reset();  // all that it said is in the file
    pid_ = -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void WorkerProcess::cancel() {
    const pid_t pid = pid_;
    if (pid <= 0) return;
    ::kill(pid, SIGTERM);
    for (int round = 0; round < 50; ++round) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        if (const Status status = status_of(std::to_string(pid)); status.session != pid || status.zombie) return;
    }
    kill_session(pid);
}

void WorkerProcess::kill() {
    if (pid_ > 0) kill_session(pid_);
}

void kill_stale_worker(const fs::path& folder) {
    std::ifstream file(folder / "worker.pid");
    pid_t pid = 0;
    std::string started;
    if (!(file >> pid >> started) || pid <= 1) return;
    const Status status = status_of(std::to_string(pid));
    // The leader may be gone while its session lives on; a pid is not given away while its session lives.
    if (status.started.empty() || status.started == started) kill_session_for_good(pid);
}

}  // namespace server::jobs
