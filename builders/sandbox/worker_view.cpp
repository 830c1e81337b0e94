// SPDX-License-Identifier: Apache-2.0
#include "builders/sandbox/worker_view.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <system_error>

#include "builders/job/errors.hpp"
#include "builders/sandbox/confinement.hpp"
#include "builders/sandbox/process.hpp"
#include "builders/sandbox/view_mounts.hpp"
#include "formats/base/file.hpp"

namespace builders {
namespace {

using formats::File;

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

struct Pipe {
    Pipe() {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail("pipe");
        read = File(ends[0], "pipe");
        write = File(ends[1], "pipe");
    }
    File read, write;
};

std::string read_all(const File& from) {
    std::string text;
    std::array<char, 4096> buffer{};
    while (const std::size_t got = from.read(std::as_writable_bytes(std::span(buffer))))
        text.append(buffer.data(), got);
    return text;
}

sigset_t waited_for() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGCHLD, SIGTERM, SIGINT}) sigaddset(&signals, signal);
    return signals;
}

int code_of(int status) {
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void map_ids(pid_t process, const SubordinateIds& ids) {
    const auto map = [&](const char* program, unsigned own, const std::vector<IdRange>& ranges) {
        Command command;
        command.argv = {program, std::to_string(process), std::to_string(own), std::to_string(own), "1"};
        for (const IdRange& range : ranges)
            for (const unsigned number : {range.first, range.first, range.count})
                command.argv.push_back(std::to_string(number));
        command.environment = plain_environment();
        capture(command);
    };
    map("newuidmap", ::geteuid(), ids.users);
    map("newgidmap", ::getegid(), ids.groups);
}

// Of all capabilities in the namespace these two stay, for newuidmap and newgidmap. There is no way back to the
// others: no user id of the namespace is its root, and the bounding set lacks them.
void keep_only_id_capabilities() {
    constexpr std::array<unsigned, 2> kept{CAP_SETUID, CAP_SETGID};
    for (unsigned capability = 0; ::prctl(PR_CAPBSET_READ, capability) >= 0; ++capability)
        if (capability != CAP_SETUID && capability != CAP_SETGID && ::prctl(PR_CAPBSET_DROP, capability) != 0)
            fail("drop capability " + std::to_string(capability));
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    constexpr unsigned both = (1U << CAP_SETUID) | (1U << CAP_SETGID);
    const std::array<__user_cap_data_struct, 2> sets{{{both, both, both}, {0, 0, 0}}};
    if (::syscall(SYS_capset, &header, sets.data()) != 0) fail("drop capabilities");
    for (const unsigned capability : kept)
        if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) != 0) fail("keep a capability");
}

// keyctl(2): the service's own session keyring stays with the service. Where there is no keyctl, nobody reads one.
void leave_session_keyring() {
    constexpr int join_session_keyring = 1;
    if (::syscall(SYS_keyctl, join_session_keyring, nullptr) < 0 && errno != ENOSYS && errno != EPERM)
        fail("join a session keyring");
}

// Pid 1 of the namespace until the worker ends; what is left then the kernel ends.
[[noreturn]] void be_init(pid_t worker) {
    ::prctl(PR_SET_NAME, "worker-init");
    for (const int descriptor : {0, 1, 2}) ::close(descriptor);
    const sigset_t signals = waited_for();
    for (;;) {
        int signal = 0;
        if (::sigwait(&signals, &signal) != 0) continue;
        if (signal != SIGCHLD) {
            ::kill(worker, SIGTERM);
            continue;
        }
        int status = 0;
        for (pid_t ended = 0; (ended = ::waitpid(-1, &status, WNOHANG)) > 0;)
            if (ended == worker) ::_exit(code_of(status));
    }
}

std::string build_walls(const WorkerView& view, const SubordinateIds& ids) {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail("set no_new_privs");
    leave_session_keyring();
    mount_view(view, ids);
    for (const auto& [name, value] : view.environment)
        value.empty() ? ::unsetenv(name.c_str()) : ::setenv(name.c_str(), value.c_str(), 1);
    keep_only_id_capabilities();
    const bool scoped = confine_sockets_and_signals();
    return std::string(
               "of the worker: user, mount, pid, ipc and uts namespaces with a view of its job and of the "
               "system's programs only") +
           (scoped ? "; landlock: no abstract sockets and no processes of others"
                   : "; not kept away: abstract sockets of this machine, which this kernel's landlock cannot");
}

// Standard input ends when whoever started us has.
bool lifeline_is_cut() {
    char byte = 0;
    const ssize_t got = ::read(0, &byte, 1);
    return got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN);
}

int keep(pid_t init) {
    const sigset_t signals = waited_for();
    const File news(::signalfd(-1, &signals, SFD_CLOEXEC), "signals");
    if (news.descriptor() < 0) fail("signalfd");
    std::array<pollfd, 2> watched{{{news.descriptor(), POLLIN, 0}, {0, POLLIN, 0}}};
    for (;;) {
        int status = 0;
        if (::waitpid(init, &status, WNOHANG) == init) return code_of(status);
        if (::poll(watched.data(), watched.size(), -1) < 0) continue;
        if (watched[1].revents != 0 && lifeline_is_cut()) {
            ::kill(init, SIGKILL);
            ::waitpid(init, &status, 0);
            return 128 + SIGKILL;
        }
        signalfd_siginfo came{};
        if (watched[0].revents != 0 && ::read(news.descriptor(), &came, sizeof came) == sizeof came &&
            came.ssi_signo != SIGCHLD)
            ::kill(init, SIGTERM);
    }
}

}  // namespace

std::string enter_worker_view(const WorkerView& view, const std::function<void(int pid)>& started,
                              const std::function<int(int exit_code)>& at_the_end) {
    const SubordinateIds ids = own_subordinate_ids();
    ::signal(SIGCHLD, SIG_DFL);
    Pipe go, said;
    const sigset_t signals = waited_for();
    sigset_t before;
    ::sigprocmask(SIG_BLOCK, &signals, &before);
    constexpr unsigned long own = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
    const auto init = static_cast<pid_t>(::syscall(SYS_clone, own | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
    if (init < 0)
        throw HostNotReady("a build's worker cannot have namespaces of its own (" +
                           std::system_category().message(errno) +
                           "); allow them with: sudo sysctl kernel.unprivileged_userns_clone=1 "
                           "user.max_user_namespaces=10000");
    if (init == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        go.write.close();
        said.read.close();
        char byte = 0;
        if (::read(go.read.descriptor(), &byte, 1) != 1) ::_exit(127);  // the keeper gave up, or is gone
        try {
            std::string walls = build_walls(view, ids);
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // less capabilities are new credentials, which take it away
            const pid_t worker = ::fork();
            if (worker < 0) fail("fork");
            said.write.close();
            if (worker != 0) be_init(worker);
            go.read.close();
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::setsid();
            ::sigprocmask(SIG_SETMASK, &before, nullptr);
            return walls;
        } catch (const std::exception& error) {
            const std::string text = error.what();
            [[maybe_unused]] const auto sent = ::write(said.write.descriptor(), text.data(), text.size());
        }
        ::_exit(127);
    }
    go.read.close();
    said.write.close();
    std::string wrong;
    try {
        map_ids(init, ids);
        started(init);
        go.write.write(std::as_bytes(std::span("g", 1)));
        wrong = read_all(said.read);
    } catch (const std::exception& error) {
        wrong = error.what();
    }
    if (!wrong.empty()) {
        ::kill(init, SIGKILL);
        ::waitpid(init, nullptr, 0);
        ::sigprocmask(SIG_SETMASK, &before, nullptr);
        throw HostNotReady("the walls of a build's worker cannot be made here: " + wrong);
    }
    const int exit_code = keep(init);
    ::_exit(at_the_end(exit_code));
}

}  // namespace builders
