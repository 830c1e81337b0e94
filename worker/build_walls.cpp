// SPDX-License-Identifier: Apache-2.0
#include "worker/build_walls.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <optional>

#include "builders/guest/kvm_memory.hpp"
#include "builders/job/errors.hpp"
#include "builders/plan/build_host.hpp"
#include "builders/plan/plan_json.hpp"
#include "builders/sandbox/control_group.hpp"
#include "builders/sandbox/id_range.hpp"
#include "builders/sandbox/worker_view.hpp"
#include "worker/line_progress.hpp"

namespace worker {
namespace {

namespace fs = std::filesystem;
using builders::KvmMemory;

constexpr std::array job_files{"request.json", "recipe.ks", builders::plan_file, "keep-disk"};

// A name of the worker's choosing that we go on with: a folder, or a file that has no other name. No process of the
// worker is left that could put something else there.
void hand_on(const fs::path& from, const fs::path& to, bool is_folder) {
    struct stat status {};
    if (::lstat(from.c_str(), &status) != 0) return;  // it did not get that far
    const bool fits = is_folder ? S_ISDIR(status.st_mode) : S_ISREG(status.st_mode) && status.st_nlink == 1;
    if (!fits || status.st_uid != ::geteuid())
        throw builders::StepFailed("the worker left " + from.filename().string() + ", which is not a plain " +
                                   (is_folder ? "folder" : "file") + " of its own");
    fs::rename(from, to);
}

int clear_away(const fs::path& folder, const fs::path& walls, int exit_code) try {
    const fs::path room = walls / "room";
    if (KvmMemory(room / "cache").known_broken()) KvmMemory().remember();
    for (const char* name : {"work", "out"}) hand_on(room / name, folder / name, true);
    for (const char* name : {"plan.json", "result.json"}) hand_on(room / name, folder / name, false);
    builders::remove_tree(walls);
    return exit_code;
} catch (const std::exception& error) {
    LineProgress().error(error.what());
    return 1;
}

}  // namespace

std::string confine_build(const fs::path& folder, const boost::json::object& request, const Appliance& appliance) {
    builders::check_sandbox_available();
    const fs::path walls = folder / "walls";
    if (fs::exists(walls)) builders::remove_tree(walls);
    builders::WorkerView view;
    view.folder = folder;
    view.room = walls / "room";
    view.root = walls / "root";
    for (const fs::path& made : {walls, view.room, view.root}) fs::create_directory(made);
    ::chmod(view.room.c_str(), 0711);
    for (const char* name : job_files) view.readable.push_back(folder / name);
    if (const auto* host = request.if_contains("host"))
        for (const auto& [distribution, keyring] :
             builders::build_host_from_json(boost::json::serialize(*host)).keyrings)
            view.readable.push_back(fs::absolute(keyring));
    view.environment = {
        {"HOME", "/tmp"}, {"XDG_CACHE_HOME", folder / "cache"}, {"TMPDIR", ""}, {"XDG_RUNTIME_DIR", ""}};
    if (appliance) {
        view.readable.push_back(appliance());
        view.environment["LIBGUESTFS_PATH"] = view.readable.back();
        view.environment["LIBGUESTFS_CACHEDIR"] = "";
    }
    if (KvmMemory().known_broken()) KvmMemory(view.room / "cache").remember();
    const std::optional<builders::WorkerGroup> group = builders::WorkerGroup::make();
    if (group) view.control_group = group->folder();
    const auto end_group = [&] {
        if (group) group->end();
    };
    try {
        return enter_worker_view(
            view,
            [&](int pid) {
                if (group) group->take(pid);
            },
            [&](int exit_code) {
                end_group();
                return clear_away(folder, walls, exit_code);
            });
    } catch (...) {  // in the keeper: there is no worker
        end_group();
        builders::remove_tree(walls);
        throw;
    }
}

}  // namespace worker
