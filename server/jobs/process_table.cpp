// SPDX-License-Identifier: Apache-2.0
#include "server/jobs/process_table.hpp"

#include <dirent.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <memory>
#include <sstream>
#include <system_error>

namespace server::jobs {
namespace {

struct CloseFolder {
    void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};

int pidfd_of(pid_t pid) {
    return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

}  // namespace

std::optional<ProcessStatus> status_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string text;
    std::getline(file, text);
    const std::size_t close = text.rfind(')');
    if (close == std::string::npos) return std::nullopt;
    std::istringstream rest(text.substr(close + 1));
    ProcessStatus status;
    std::string state, skipped;
    pid_t group = 0;
    rest >> state >> status.parent >> group >> status.session;
    for (int field = 7; field <= 21; ++field) rest >> skipped;
    if (!(rest >> status.started)) return std::nullopt;
    status.pid = pid;
    status.zombie = state == "Z" || state == "X";
    return status;
}

std::vector<ProcessStatus> all_processes() {
    const std::unique_ptr<DIR, CloseFolder> proc(::opendir("/proc"));
    if (!proc) throw std::system_error(errno, std::generic_category(), "open /proc");
    std::vector<ProcessStatus> found;
    while (const dirent* entry = ::readdir(proc.get())) {
        const std::string name = entry->d_name;
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        if (auto status = status_of(static_cast<pid_t>(std::stol(name)))) found.push_back(std::move(*status));
    }
    return found;
}

formats::File open_process(pid_t pid) {
    formats::File process(pidfd_of(pid), "process " + std::to_string(pid));
    if (process.descriptor() < 0)
        throw std::system_error(errno, std::generic_category(), "open process " + std::to_string(pid));
    return process;
}

bool send_signal(const formats::File& process, int signal) {
    return ::syscall(SYS_pidfd_send_signal, process.descriptor(), signal, nullptr, 0) == 0;
}

void kill_seen(const ProcessStatus& seen) {
    const formats::File process(pidfd_of(seen.pid), "process");
    if (process.descriptor() < 0) return;
    // Asked behind the opening: if this is still the process that was seen, the pidfd is its.
    const std::optional<ProcessStatus> now = status_of(seen.pid);
    if (now && now->started == seen.started) send_signal(process, SIGKILL);
}

}  // namespace server::jobs
