// SPDX-License-Identifier: Apache-2.0
#pragma once
// A control group (cgroup v2) of its own for each step, where the operator's service manager delegated a part of the
// hierarchy to us (systemd: Delegate=yes). The kernel then keeps the limits on memory and processes exactly, shared
// pages counted once; elsewhere rlimits and the Watcher of limits.hpp keep them as well as they can.
// Rules: Documentation/admin-guide/cgroup-v2.rst, "Delegation" and "No Internal Process Constraint".
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "builders/sandbox/watcher.hpp"

namespace builders {

struct ControlGroupPlaces {  // where the kernel shows them; tests have places of their own
    std::filesystem::path root = "/sys/fs/cgroup", self = "/proc/self/cgroup";
};

// Called once, early, by the program that starts workers: a group with processes cannot have groups with limits below
// it, so this process moves to a leaf "xenkiln" of its own group and lets its siblings have limits. False, changing
// nothing, where this is not cgroup v2, the group is not ours to divide, or it lacks the two controllers.
bool divide_control_group(const ControlGroupPlaces& places = {});

// For one worker: a group of its own below ours, divided like ours, so that the worker needs to write to nothing beside
// it. What stands in our own group (cgroup.kill, cgroup.freeze) would reach the service.
class WorkerGroup {
public:
    // Nothing where divide_control_group() was not possible. Throws HostNotReady when it was and this is not.
    static std::optional<WorkerGroup> make(const ControlGroupPlaces& places = {});

    void take(int pid) const;  // before the worker's walls stand
    void end() const;          // ends what is left in it, and removes it; by whoever made it, once
    const std::filesystem::path& folder() const { return folder_; }

private:
    explicit WorkerGroup(std::filesystem::path folder) : folder_(std::move(folder)) {}
    std::filesystem::path folder_;
};

class ControlGroup {
public:
    // Whether make() can make one: divide_control_group() was possible.
    static bool possible(const ControlGroupPlaces& places = {});

    // A new group beside the leaf we are in. Null where divide_control_group() was not possible. Throws
    // std::system_error when the kernel does not take a limit.
    static std::unique_ptr<ControlGroup> make(const Limits& limits, const ControlGroupPlaces& places = {});
    ControlGroup(const ControlGroup&) = delete;
    ControlGroup& operator=(const ControlGroup&) = delete;
    ~ControlGroup();  // ends what is left in it

    // Put before a command's words: joins the group, then becomes the command.
    std::vector<std::string> prefix() const;

    // The limit that was passed, as a sentence with its number; nothing when none was.
    std::string passed() const;

private:
    ControlGroup(std::filesystem::path folder, const Limits& limits);

    std::filesystem::path folder_;
    Limits limits_;
};

}  // namespace builders
