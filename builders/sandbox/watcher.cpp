// SPDX-License-Identifier: Apache-2.0
#include "builders/sandbox/watcher.hpp"

#include <dirent.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <vector>

#include "builders/sandbox/id_range.hpp"
#include "builders/sandbox/process.hpp"

namespace builders {
namespace {

using namespace std::chrono_literals;

constexpr auto interval = 250ms;
constexpr unsigned rounds_between_tree_sizes = 20;  // five seconds

std::string mib(std::uint64_t bytes) {
    return std::to_string(bytes >> 20) + " MiB";
}

struct Process {
    int parent = 0;
    unsigned threads = 0;
    std::uint64_t pages = 0;
};

// proc(5), stat: 4 ppid, 20 num_threads, 24 rss. The name in field 2 may hold anything, also parentheses.
bool read_process(const std::string& pid, Process& into) {
    std::ifstream file("/proc/" + pid + "/stat");
    std::string stat;
    if (!std::getline(file, stat)) return false;
    const std::size_t close = stat.rfind(')');
    if (close == std::string::npos) return false;
    std::istringstream rest(stat.substr(close + 1));
    std::vector<std::string> fields;
    for (std::string field; rest >> field;) fields.push_back(field);
    if (fields.size() < 22) return false;
    into.parent = std::atoi(fields[1].c_str());
    into.threads = static_cast<unsigned>(std::atoi(fields[17].c_str()));
    into.pages = std::strtoull(fields[21].c_str(), nullptr, 10);
    return true;
}

// proc(5), meminfo. What cannot be read is taken for plenty.
std::uint64_t available_memory() {
    std::ifstream file("/proc/meminfo");
    std::string name, unit;
    for (std::uint64_t kib = 0; file >> name >> kib; std::getline(file, unit))
        if (name == "MemAvailable:") return kib << 10;
    return ~std::uint64_t{0};
}

// As the namespace's root, who may enter every folder. 0 when it cannot be known: files come and go.
std::uint64_t tree_bytes(const std::filesystem::path& tree, const std::stop_token& stop) {
    Command command = in_id_range({"du", "--summarize", "--block-size=1", "--one-file-system", "--", tree.string()});
    std::uint64_t bytes = 0;
    run(
        command,
        [&](std::string_view line) {
            if (!line.empty() && line[0] >= '0' && line[0] <= '9')
                bytes = std::strtoull(std::string(line).c_str(), nullptr, 10);
        },
        stop);
    return bytes;
}

}  // namespace

Usage usage_of(int root_pid) {
    std::map<int, Process> processes;
    DIR* proc = ::opendir("/proc");
    if (!proc) return {};
    while (const dirent* entry = ::readdir(proc)) {
        const std::string name(static_cast<const char*>(entry->d_name));
        Process process;
        if (name.find_first_not_of("0123456789") == std::string::npos && read_process(name, process))
            processes[std::atoi(name.c_str())] = process;
    }
    ::closedir(proc);
    std::multimap<int, int> children;
    for (const auto& [pid, process] : processes) children.emplace(process.parent, pid);
    Usage usage;
    std::vector<int> open{root_pid};
    while (!open.empty()) {
        const int pid = open.back();
        open.pop_back();
        if (const auto found = processes.find(pid); found != processes.end()) {
            usage.processes += found->second.threads;
            usage.memory += found->second.pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
        }
        const auto [first, last] = children.equal_range(pid);
        for (auto child = first; child != last; ++child) open.push_back(child->second);
    }
    return usage;
}

Watcher::Watcher(const Limits& limits, int root_pid, std::filesystem::path tree,
                 std::function<void(std::string)> struck)
    : limits_(limits), root_pid_(root_pid), tree_(std::move(tree)), struck_(std::move(struck)), thread_([this] {
          watch(stop_.get_token());
      }) {}

Watcher::~Watcher() {
    stop_.request_stop();
    thread_.join();
}

std::string Watcher::passed(unsigned round, double seconds) const {
    const Usage usage = usage_of(root_pid_);
    // Processes first: memory that many of them share is counted for each.
    if (usage.processes > limits_.processes)
        return "it started " + std::to_string(usage.processes) + " processes and threads, the limit is " +
               std::to_string(limits_.processes);
    if (usage.memory > limits_.memory)
        return "its processes took " + mib(usage.memory) + " of memory, the limit is " + mib(limits_.memory);
    if (seconds > limits_.seconds)
        return "it ran for " + std::to_string(static_cast<unsigned>(seconds)) + " seconds, the limit is " +
               std::to_string(limits_.seconds);
    if (const std::uint64_t left = available_memory(); left < limits_.memory_left)
        return "it left " + mib(left) + " of the machine's memory, the limit is " + mib(limits_.memory_left);
    struct statvfs space {};
    if (::statvfs(tree_.c_str(), &space) == 0) {
        const std::uint64_t left = space.f_bavail * space.f_frsize;
        if (left < limits_.left)
            return "it left " + mib(left) + " free on the build's file system, the limit is " + mib(limits_.left);
        if (space.f_files > 0 && space.f_favail < 1000)
            return "it left " + std::to_string(space.f_favail) + " inodes free on the build's file system";
    }
    if (round % rounds_between_tree_sizes != rounds_between_tree_sizes - 1) return {};
    if (const std::uint64_t bytes = tree_bytes(tree_, stop_.get_token()); bytes > limits_.disk)
        return "the installed system takes " + mib(bytes) + ", the limit is " + mib(limits_.disk);
    return {};
}

void Watcher::watch(const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    const auto started = std::chrono::steady_clock::now();
    for (unsigned round = 0;; ++round) {
        wake.wait_for(lock, stop, interval, [] { return false; });
        if (stop.stop_requested()) return;
        std::string reason;
        try {
            reason = passed(round, std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count());
        } catch (const std::exception&) {
            continue;  // what cannot be measured now is measured next time
        }
        if (reason.empty()) continue;
        struck_(reason);
        return;
    }
}

}  // namespace builders
