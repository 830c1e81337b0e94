// SPDX-License-Identifier: Apache-2.0
#pragma once
// The walls of a worker that must itself start other people's programs in a sandbox (sandbox.hpp). Landlock forbids
// every mount below it, bwrap's too, so these walls are namespaces: the worker is a process of user, mount, pid, ipc
// and uts namespaces of its own, whose root folder holds the system's programs, the job's own folder, and nothing else
// of the machine. What has no path cannot be opened; what has no pid there cannot be traced or signalled; and when the
// worker ends, every process it ever started ends with it.
//
//   keeper   who called: outside, reads nothing of the job; keeps the lifeline (standard input), passes SIGTERM on,
//            has the worker's exit code
//   └ init   pid 1 of the namespaces: makes the view, reaps; the kernel ends the namespace with it
//     └ worker   the call returns here
//
// In the namespace the user is who they were outside and has no capability but setuid and setgid over their own
// subordinate ids: newuidmap, whose setuid bit is worth nothing there, makes the sandbox's namespace with these.
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace builders {

struct WorkerView {
    std::filesystem::path folder;  // absolute; where the worker sees `room`, which it may write
    std::filesystem::path room;    // an empty folder, 0711: the sandbox's user passes through it
    std::filesystem::path root;    // an empty folder, to build the view in
    std::vector<std::filesystem::path>
        readable;                         // shown at their own paths, read-only; those that are not there are not
    std::filesystem::path control_group;  // may be written, too; empty: none
    std::map<std::string, std::string> environment;  // set for the worker; empty values are unset
};

// Called once, before there is a second thread. Returns in the worker, with a sentence on the walls that stand. The
// keeper never returns: when no process of the namespace is left it calls `at_the_end` with the worker's exit code (128
// + signal when it was killed) and exits with what that returns. `started` is called in the keeper with init's pid,
// before the view is made. Throws HostNotReady, in the keeper, for what this machine does not allow: there is no way
// on without the walls.
std::string enter_worker_view(const WorkerView& view, const std::function<void(int pid)>& started,
                              const std::function<int(int exit_code)>& at_the_end);

}  // namespace builders
