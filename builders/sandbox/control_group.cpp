// SPDX-License-Identifier: Apache-2.0
#include "builders/sandbox/control_group.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <sstream>
#include <system_error>
#include <thread>
#include <utility>

#include "builders/job/errors.hpp"

namespace builders {
namespace {

namespace fs = std::filesystem;

constexpr const char* leaf = "xenkiln";

// One line is one write, and its error is the kernel's answer. Returns it: 0 or an errno.
int put(const fs::path& file, const std::string& line) {
    const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (descriptor < 0) return errno;
    const ssize_t written = ::write(descriptor, line.data(), line.size());
    const int error = written < 0 ? errno : written == static_cast<ssize_t>(line.size()) ? 0 : EIO;
    ::close(descriptor);
    return error;
}

std::string line_of(const fs::path& file) {
    std::string line;
    std::ifstream in(file);
    std::getline(in, line);
    return line;
}

bool has_word(const std::string& line, const char* wanted) {
    std::istringstream words(line);
    for (std::string word; words >> word;)
        if (word == wanted) return true;
    return false;
}

// Of a file of "name number" lines; 0 when it is not there.
std::uint64_t number_in(const fs::path& file, const char* wanted) {
    std::ifstream in(file);
    std::string name;
    for (std::uint64_t number = 0; in >> name >> number;)
        if (name == wanted) return number;
    return 0;
}

// proc(5): cgroup v2 is the line "0::/path"; empty on hosts that have v1 only.
fs::path own_group(const ControlGroupPlaces& places) {
    if (!fs::exists(places.root / "cgroup.controllers")) return {};
    std::ifstream in(places.self);
    for (std::string line; std::getline(in, line);)
        if (line.starts_with("0::/")) return places.root / line.substr(4);
    return {};
}

bool gives_limits(const fs::path& group) {
    const std::string given = line_of(group / "cgroup.subtree_control");
    return has_word(given, "memory") && has_word(given, "pids");
}

bool is_divided(const fs::path& own) {
    return own.filename() == leaf && gives_limits(own.parent_path());
}

// It can be removed when the last process is gone.
void remove_group(const fs::path& folder) {
    for (int attempt = 0; attempt < 100; ++attempt) {
        if (::rmdir(folder.c_str()) == 0 || errno != EBUSY) return;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
}

}  // namespace

bool divide_control_group(const ControlGroupPlaces& places) {
    const fs::path own = own_group(places);
    if (own.empty() || own == places.root / "") return false;
    if (is_divided(own)) return true;  // a service manager did it
    const std::string controllers = line_of(own / "cgroup.controllers");
    if (!has_word(controllers, "memory") || !has_word(controllers, "pids")) return false;
    std::error_code error;
    fs::create_directory(own / leaf, error);
    if (error) return false;
    if (put(own / leaf / "cgroup.procs", std::to_string(::getpid())) == 0 &&
        put(own / "cgroup.subtree_control", "+memory +pids") == 0)
        return true;
    put(own / "cgroup.procs", std::to_string(::getpid()));  // others are in it: back to where we were
    fs::remove(own / leaf, error);
    return false;
}

std::optional<WorkerGroup> WorkerGroup::make(const ControlGroupPlaces& places) {
    const fs::path own = own_group(places);
    if (!is_divided(own)) return {};
    const fs::path folder = own.parent_path() / ("worker-" + std::to_string(::getpid()));
    std::error_code error;
    fs::create_directories(folder / leaf, error);
    WorkerGroup group(folder);
    if (error || !put(folder / "cgroup.subtree_control", "+memory +pids")) {
        group.end();
        throw HostNotReady("cannot divide the control group " + folder.string() + " for a worker" +
                           (error ? ": " + error.message() : ""));
    }
    return group;
}

void WorkerGroup::take(int pid) const {
    if (!put(folder_ / leaf / "cgroup.procs", std::to_string(pid)))
        throw HostNotReady("cannot put a worker into its control group " + (folder_ / leaf).string());
}

void WorkerGroup::end() const {
    put(folder_ / "cgroup.kill", "1");
    std::error_code none;
    std::vector<fs::path> parts;  // steps of a worker that was killed, and its leaf
    for (const auto& entry : fs::directory_iterator(folder_, none))
        if (entry.is_directory(none)) parts.push_back(entry.path());
    for (const fs::path& part : parts) remove_group(part);
    remove_group(folder_);
}

bool ControlGroup::possible(const ControlGroupPlaces& places) {
    return is_divided(own_group(places));
}

std::unique_ptr<ControlGroup> ControlGroup::make(const Limits& limits, const ControlGroupPlaces& places) {
    static std::atomic<unsigned> count = 0;
    const fs::path own = own_group(places);
    if (!is_divided(own)) return nullptr;
    const fs::path folder = own.parent_path() / ("step-" + std::to_string(::getpid()) + "-" + std::to_string(++count));
    std::error_code error;
    if (!fs::create_directory(folder, error)) return nullptr;
    std::unique_ptr<ControlGroup> group(new ControlGroup(folder, limits));
    // What was promised with the hierarchy is kept, or the step does not run.
    using NamedLimit = std::pair<const char*, std::uint64_t>;
    for (const auto& [name, limit] :
         {NamedLimit{"memory.max", limits.memory}, NamedLimit{"pids.max", limits.processes}})
        if (const int error = put(folder / name, std::to_string(limit)))
            throw std::system_error(error, std::generic_category(), "write " + (folder / name).string());
    put(folder / "memory.swap.max", "0");   // not there without swap accounting
    put(folder / "memory.oom.group", "1");  // a step that lost one process is lost
    return group;
}

ControlGroup::ControlGroup(fs::path folder, const Limits& limits) : folder_(std::move(folder)), limits_(limits) {}

ControlGroup::~ControlGroup() {
    put(folder_ / "cgroup.kill", "1");
    remove_group(folder_);
}

std::vector<std::string> ControlGroup::prefix() const {
    return {"sh", "-c", "echo $$ > \"$0\" && exec \"$@\"", (folder_ / "cgroup.procs").string()};
}

std::string ControlGroup::passed() const {
    if (number_in(folder_ / "memory.events", "oom_kill") > 0)
        return "its processes took more memory than the limit of " + std::to_string(limits_.memory >> 20) + " MiB";
    if (number_in(folder_ / "pids.events", "max") > 0)
        return "it wanted more processes and threads than the limit of " + std::to_string(limits_.processes);
    return {};
}

}  // namespace builders
