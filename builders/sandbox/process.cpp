// SPDX-License-Identifier: Apache-2.0
#include "builders/sandbox/process.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <system_error>
#include <thread>

#include "builders/job/errors.hpp"
#include "builders/sandbox/open_files.hpp"
#include "formats/base/file.hpp"

namespace builders {
namespace {

using formats::File;

constexpr std::size_t max_line = 64U << 10;

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

struct Pipe {
    File read, write;
};

Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail("pipe");
    return {File(ends[0], "pipe"), File(ends[1], "pipe")};
}

std::string find_program(const std::string& name, const std::string& path) {
    if (name.find('/') != std::string::npos) return name;
    for (std::size_t begin = 0; begin <= path.size();) {
        std::size_t end = path.find(':', begin);
        if (end == std::string::npos) end = path.size();
        const std::string candidate = path.substr(begin, end - begin) + "/" + name;
        if (::access(candidate.c_str(), X_OK) == 0) return candidate;
        begin = end + 1;
    }
    errno = ENOENT;
    fail("find program " + name + " in " + path);
}

// Cuts a stream of bytes into lines; carriage returns end a line too (progress bars).
class LineCutter {
public:
    explicit LineCutter(const LineHandler& on_line) : on_line_(on_line) {}
    void take(std::string_view bytes) {
        for (const char c : bytes) {
            if (c == '\n' || c == '\r')
                flush();
            else if (line_.size() < max_line)
                line_ += c;
        }
    }
    void flush() {
        if (!line_.empty() && on_line_) on_line_(line_);
        line_.clear();
    }

private:
    const LineHandler& on_line_;
    std::string line_;
};

// Everything the child needs is prepared before the fork: in a program with threads only
// async-signal-safe calls are allowed between fork and exec.
struct Prepared {
    std::string program;
    std::vector<std::string> environment;
    std::vector<char*> argv, envp;
    std::vector<int> keep;
};

[[noreturn]] void exec_child(const Command& command, const Prepared& prepared, int in, int out, int err, int report,
                             pid_t parent) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    const auto give_up = [&] {
        const int error = errno;
        [[maybe_unused]] const auto sent = ::write(report, &error, sizeof error);
        ::_exit(127);
    };
    if (::dup2(in, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(err, 2) < 0) give_up();
    // All others close at exec, except those that were asked for.
    ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    for (const int fd : prepared.keep) ::fcntl(fd, F_SETFD, 0);
    if (!command.directory.empty() && ::chdir(command.directory.c_str()) != 0) give_up();
    ::execve(prepared.program.c_str(), prepared.argv.data(), prepared.envp.data());
    give_up();
    ::_exit(127);
}

Prepared prepare(const Command& command) {
    Prepared prepared;
    const auto path = command.environment.find("PATH");
    prepared.program = find_program(command.argv.at(0),
                                    path == command.environment.end() ? plain_environment().at("PATH") : path->second);
    for (const std::string& argument : command.argv)
        prepared.argv.push_back(const_cast<char*>(argument.c_str()));  // execve's own type
    prepared.argv.push_back(nullptr);
    for (const auto& [name, value] : command.environment) prepared.environment.push_back(name + "=" + value);
    for (std::string& entry : prepared.environment) prepared.envp.push_back(entry.data());
    prepared.envp.push_back(nullptr);
    prepared.keep = command.keep_fds;
    return prepared;
}

// Kills the child's whole group as soon as stop is requested, from whatever thread asks.
class Killer {
public:
    Killer(pid_t child, std::stop_token stop)
        : child_(child), callback_(std::move(stop), [this] {
              stopped_ = true;
              ::kill(-child_, SIGKILL);
          }) {}
    bool stopped() const { return stopped_; }

private:
    pid_t child_;
    std::atomic<bool> stopped_ = false;
    std::stop_callback<std::function<void()>> callback_;
};

void feed(const File& to, const std::string& input) {
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    std::string_view rest = input;
    while (!rest.empty()) {
        const ssize_t put = ::write(to.descriptor(), rest.data(), rest.size());
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return;  // the child does not read it all: its own choice
        rest.remove_prefix(static_cast<std::size_t>(put));
    }
}

}  // namespace

std::map<std::string, std::string> plain_environment() {
    return {
        {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, {"LANG", "C.UTF-8"}, {"HOME", "/"}};
}

pid_t fork_with_default_signals() {
    sigset_t all, before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    const pid_t child = ::fork();
    const int error = errno;
    if (child == 0) {
        for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
        restore_open_files();
        sigset_t none;
        sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        return 0;
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    errno = error;
    if (child < 0) fail("fork");
    return child;
}

Outcome run(const Command& command, const LineHandler& on_line, std::stop_token stop) {
    if (stop.stop_requested()) throw Cancelled();
    const Prepared prepared = prepare(command);
    Pipe output = make_pipe(), report = make_pipe();
    std::optional<Pipe> input;
    File null = File::open_read("/dev/null");
    int in = command.stdin_fd >= 0 ? command.stdin_fd : null.descriptor();
    if (!command.input.empty()) {
        input = make_pipe();
        in = input->read.descriptor();
    }
    const int out = command.stdout_fd >= 0 ? command.stdout_fd : output.write.descriptor();

    const pid_t parent = ::getpid();
    const pid_t child = fork_with_default_signals();
    if (child == 0)
        exec_child(command, prepared, in, out, output.write.descriptor(), report.write.descriptor(), parent);
    ::setpgid(child, child);  // whichever of us is first
    const Killer killer(child, stop);
    output.write.close();
    report.write.close();
    std::thread feeder;
    if (input) {
        input->read.close();
        feeder = std::thread([&] {
            feed(input->write, command.input);
            input->write.close();
        });
    }

    LineCutter lines(on_line);
    std::array<std::byte, 64U << 10> buffer;
    std::exception_ptr trouble;
    try {
        if (command.started) command.started(child);
        while (const std::size_t got = output.read.read(buffer))
            lines.take({reinterpret_cast<const char*>(buffer.data()), got});
        lines.flush();
    } catch (...) {
        trouble = std::current_exception();  // a line handler gave up: the child must not go on
        ::kill(-child, SIGKILL);
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    ::kill(-child, SIGKILL);  // whatever it left behind in its group
    if (feeder.joinable()) feeder.join();
    if (trouble) std::rethrow_exception(trouble);
    if (killer.stopped()) throw Cancelled();
    int exec_error = 0;
    if (report.read.read(std::as_writable_bytes(std::span(&exec_error, 1))) == sizeof exec_error) {
        errno = exec_error;
        fail("start " + command.argv[0]);
    }
    return {WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status)};
}

std::string capture(const Command& command, std::stop_token stop) {
    std::string output;
    const Outcome outcome = run(
        command, [&](std::string_view line) { output.append(line).append("\n"); }, stop);
    if (!outcome.ok())
        throw StepFailed(command.argv[0] + " failed with exit code " + std::to_string(outcome.exit_code) + ": " +
                         output);
    return output;
}

}  // namespace builders
