// SPDX-License-Identifier: Apache-2.0
#include "server/jobs/strays.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace server::jobs {
namespace {

using namespace std::chrono_literals;

std::vector<pid_t> strays(const std::set<pid_t>& living) {
    std::vector<pid_t> found;
    const pid_t me = ::getpid(), session = ::getsid(0);
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const std::string name = entry.path().filename();
        pid_t pid = 0;
        if (const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
            error != std::errc() || end != name.data() + name.size())
            continue;
        std::ifstream file(entry.path() / "stat");
        std::string text;
        std::getline(file, text);
        const std::size_t close = text.rfind(')');
        if (close == std::string::npos) continue;
        std::istringstream rest(text.substr(close + 1));
        std::string state;
        pid_t parent = 0, group = 0, of_session = 0;
        if (!(rest >> state >> parent >> group >> of_session)) continue;
        if (parent == me && of_session != session && !living.contains(of_session)) found.push_back(pid);
    }
    return found;
}

}  // namespace

void take_orphans() {
    if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        throw std::system_error(errno, std::generic_category(), "take orphans");
}

void end_strays(const std::set<pid_t>& living) {
    const auto until = std::chrono::steady_clock::now() + 5s;
    for (;;) {
        const std::vector<pid_t> found = strays(living);
        if (found.empty()) return;
        // They are children of ours that nobody else waits for: until they are reaped their ids stay theirs.
        for (const pid_t pid : found) ::kill(pid, SIGKILL);
        for (const pid_t pid : found) ::waitpid(pid, nullptr, WNOHANG);
        if (std::chrono::steady_clock::now() > until)
            throw std::runtime_error("process " + std::to_string(found.front()) +
                                     ", which a worker left behind, does not end");
        std::this_thread::sleep_for(10ms);
    }
}

}  // namespace server::jobs
