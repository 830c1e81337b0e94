// SPDX-License-Identifier: Apache-2.0
#pragma once
// Running a tool and reading its output line by line. No shell: arguments are a vector. The child
// dies with us (PR_SET_PDEATHSIG), gets an environment of our making and no file descriptor of
// ours, leads a process group of its own, and is killed with the group when `stop` is requested.
// Blocking; the calling thread must outlive the child.
#include <sys/types.h>

#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace builders {

struct Command {
    std::vector<std::string> argv;                   // argv[0] is looked up in PATH
    std::map<std::string, std::string> environment;  // all of it; nothing is inherited
    std::string directory;                           // empty: ours
    std::string input;                               // bytes for standard input, empty: /dev/null
    int stdin_fd = -1, stdout_fd = -1;               // given instead, borrowed; stdout then is not read
    std::vector<int> keep_fds;                       // further descriptors the child shall have
    std::function<void(int pid)> started;            // called once it runs
};

struct Outcome {
    int exit_code = 0;  // 128 + signal when killed by one
    bool ok() const { return exit_code == 0; }
};

using LineHandler = std::function<void(std::string_view line)>;

// Standard output and error arrive merged, line by line, at `on_line`.
// Throws std::system_error when the program cannot be started, Cancelled when stopped.
Outcome run(const Command& command, const LineHandler& on_line, std::stop_token stop = {});

// fork() for programs with threads and handlers: the child has no handler of ours and no signal blocked, and none
// came to it before. A handler that ran there would speak for us, into pipes that are ours. It may have as many files
// open as we were allowed at the start (open_files.hpp).
// Throws std::system_error.
pid_t fork_with_default_signals();

// All output of a tool that must succeed. Throws StepFailed with its output when it does not.
std::string capture(const Command& command, std::stop_token stop = {});

// A minimal environment: PATH, LANG=C.UTF-8, HOME=/.
std::map<std::string, std::string> plain_environment();

}  // namespace builders
