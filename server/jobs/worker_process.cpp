// SPDX-License-Identifier: Apache-2.0
#include "server/jobs/worker_process.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

#include "builders/sandbox/process.hpp"
#include "formats/base/whole_file.hpp"
#include "server/jobs/process_table.hpp"

namespace server::jobs {
namespace {

namespace fs = std::filesystem;
using formats::File;
using Clock = std::chrono::steady_clock;

constexpr int most_rounds = 500;  // of ten seconds
constexpr auto between_rounds = std::chrono::milliseconds(20);
constexpr std::size_t longest_line = std::size_t{1} << 20;

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

// Sessions of workers that were not reaped yet. Held while a worker is started and while orphans are looked
// for: a new worker is never taken for an orphan.
std::mutex sessions_mutex;
std::set<pid_t> sessions;

// One round over what is left of workers that have ended: true when there was something.
bool end_orphans() {
    const std::lock_guard lock(sessions_mutex);
    const pid_t self = ::getpid(), own_session = ::getsid(0);
    const std::vector<ProcessStatus> all = all_processes();
    std::set<pid_t> doomed;
    for (const ProcessStatus& one : all)
        if (one.parent == self && one.session != own_session && !sessions.contains(one.session)) doomed.insert(one.pid);
    if (doomed.empty()) return false;
    for (bool grown = true; grown;) {
        grown = false;
        for (const ProcessStatus& one : all)
            if (doomed.contains(one.parent)) grown |= doomed.insert(one.pid).second;
    }
    for (const ProcessStatus& one : all) {
        if (!doomed.contains(one.pid)) continue;
        kill_seen(one);
        // Only a child of ours can be reaped, and its pid is nobody else's before that.
        if (one.parent == self) ::waitpid(one.pid, nullptr, WNOHANG);
    }
    return true;
}

void end_all_orphans() {
    for (int round = 0, quiet = 0; round < most_rounds; ++round) {
        quiet = end_orphans() ? 0 : quiet + 1;
        if (quiet == 2) return;
        if (quiet == 0) std::this_thread::sleep_for(between_rounds);
    }
    throw std::runtime_error("processes that the worker left could not be ended within ten seconds");
}

// True when there was one to kill.
bool kill_session(pid_t session) {
    bool any = false;
    for (const ProcessStatus& one : all_processes()) {
        if (one.session != session || one.zombie) continue;
        kill_seen(one);
        any = true;
    }
    return any;
}

class Lines {
public:
    explicit Lines(const std::function<void(std::string_view)>& on_line) : on_line_(on_line) {}
    void take(std::span<const std::byte> bytes) {
        for (const std::byte byte : bytes) {
            if (byte != std::byte{'\n'}) {
                if (line_.size() < longest_line) line_ += static_cast<char>(byte);
                continue;
            }
            on_line_(line_);
            line_.clear();
        }
    }

private:
    const std::function<void(std::string_view)>& on_line_;
    std::string line_;
};

// What poll() shall wait: until the deadline, or for ever.
int milliseconds_until(const std::optional<Clock::time_point>& deadline) {
    if (!deadline) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60000));
}

}  // namespace

WorkerProcess::WorkerProcess(const fs::path& program, const fs::path& folder, const SecretFilter& filter,
                             std::chrono::milliseconds grace)
    : grace_(grace), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "worker's wake-up") {
    if (wake_.descriptor() < 0) fail("eventfd");
    if (::access(program.c_str(), X_OK) != 0) fail("the worker program " + program.string());
    if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) fail("become the subreaper of workers");
    std::array<int, 2> in{}, out{};
    if (::pipe2(in.data(), O_CLOEXEC) != 0) fail("pipe");
    const File child_in(in[0], "worker");
    lifeline_ = File(in[1], "worker's lifeline");
    if (::pipe2(out.data(), O_CLOEXEC) != 0) fail("pipe");
    const File child_out(out[1], "worker");
    output_ = File(out[0], "worker's output");
    // Of our end alone: what holds the other one shall not hold us.
    if (::fcntl(output_.descriptor(), F_SETFL, O_NONBLOCK) != 0) fail("worker's output");
    log_ = std::make_unique<MaskedLog>(folder / "log.txt", filter);
    const int log = log_->write_end();
    const std::string program_text = program.string(), folder_text = folder.string();
    std::array<char*, 3> argv{const_cast<char*>(program_text.c_str()), const_cast<char*>(folder_text.c_str()), nullptr};
    {
        const std::lock_guard lock(sessions_mutex);
        session_ = builders::fork_with_default_signals();
        if (session_ == 0) {
            ::setsid();
            ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
            if (::dup2(child_in.descriptor(), 0) < 0 || ::dup2(child_out.descriptor(), 1) < 0 || ::dup2(log, 2) < 0)
                ::_exit(127);
            ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
            ::execv(argv[0], argv.data());
            ::_exit(127);
        }
        sessions.insert(session_);
    }
    try {
        process_ = open_process(session_);
        formats::write_whole_file(folder / "worker.pid",
                                  std::to_string(session_) + " " + status_of(session_).value().started + "\n", 0600);
    } catch (...) {
        ::kill(session_, SIGKILL);  // not reaped: the pid is its own
        reap();
        throw;
    }
    log_->started();
}

WorkerProcess::~WorkerProcess() {
    if (reaped_) return;
    send_signal(process_, SIGKILL);
    try {
        reap();
        end_all_orphans();
    } catch (const std::exception&) {  // whoever was waiting has had an error already
    }
}

int WorkerProcess::reap() const {
    siginfo_t ended{};
    while (::waitid(P_PID, static_cast<id_t>(session_), &ended, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
    }
    // Together: the moment it is reaped, its pid can be the next worker's.
    const std::lock_guard lock(sessions_mutex);
    int status = 0;
    ::waitpid(session_, &status, 0);
    sessions.erase(session_);
    return status;
}

int WorkerProcess::wait(const std::function<void(std::string_view)>& on_line) {
    std::array<std::byte, 16384> buffer{};
    Lines lines(on_line);
    // False at its end, and when nothing is there now.
    const auto read_some = [&](bool& open) {
        const ssize_t got = ::read(output_.descriptor(), buffer.data(), buffer.size());
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
        if (got < 0) fail("read the worker's output");
        open = got > 0;
        lines.take(std::span(buffer).first(static_cast<std::size_t>(got)));
        return open;
    };
    std::optional<Clock::time_point> deadline;
    for (bool open = true, ended = false; !ended;) {
        std::array<pollfd, 3> ready{
            {{process_.descriptor(), POLLIN, 0}, {wake_.descriptor(), POLLIN, 0}, {output_.descriptor(), POLLIN, 0}}};
        if (::poll(ready.data(), open ? 3 : 2, milliseconds_until(deadline)) < 0) {
            if (errno != EINTR) fail("wait for the worker");
            continue;
        }
        if (ready[1].revents) {
            std::uint64_t times = 0;
            if (::read(wake_.descriptor(), &times, sizeof times) < 0 && errno != EAGAIN) fail("worker's wake-up");
            if (asked_ == Asked::kill) send_signal(process_, SIGKILL);
            if (!deadline) deadline = Clock::now() + grace_;
        }
        if (deadline && Clock::now() >= *deadline) {
            send_signal(process_, SIGKILL);
            deadline.reset();  // it cannot refuse that one
        }
        if (open && ready[2].revents) read_some(open);
        ended = ready[0].revents != 0;
    }
    const int status = reap();
    reaped_ = true;
    end_all_orphans();
    for (bool open = true; read_some(open);) {  // no more than the pipe holds: nobody is left who writes
    }
    log_.reset();  // all that it said is in the file
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void WorkerProcess::ask(Asked what, int signal) {
    Asked before = asked_;
    while (before < what && !asked_.compare_exchange_weak(before, what)) {
    }
    send_signal(process_, signal);
    const std::uint64_t once = 1;
    if (::write(wake_.descriptor(), &once, sizeof once) < 0) {  // only when it was woken 2^64 times
    }
}

void WorkerProcess::cancel() {
    ask(Asked::cancel, SIGTERM);
}

void WorkerProcess::kill() {
    ask(Asked::kill, SIGKILL);
}

void kill_stale_worker(const fs::path& folder) {
    std::ifstream file(folder / "worker.pid");
    pid_t pid = 0;
    std::string started;
    if (!(file >> pid >> started) || pid <= 1) return;
    const std::optional<ProcessStatus> status = status_of(pid);
    // The leader may be gone while its session lives on; a pid is not given away while its session lives.
    if (status && status->started != started) return;
    for (int round = 0; round < most_rounds && kill_session(pid); ++round) std::this_thread::sleep_for(between_rounds);
}

}  // namespace server::jobs
