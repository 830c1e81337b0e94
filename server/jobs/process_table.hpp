// SPDX-License-Identifier: Apache-2.0
#pragma once
// What /proc says of processes, and signals that cannot reach the wrong one: a pid is given away again, but a pid with
// its start time is one process for good, and a pidfd stays with the process it was opened for.
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "formats/base/file.hpp"

namespace server::jobs {

struct ProcessStatus {
    pid_t pid = 0, parent = 0, session = 0;
    std::string started;  // clock ticks since boot
    bool zombie = false;
};

std::optional<ProcessStatus> status_of(pid_t pid);  // nothing: there is no such process
std::vector<ProcessStatus> all_processes();         // not one moment's: who comes and goes meanwhile may be missed

// A pidfd. Throws std::system_error.
formats::File open_process(pid_t pid);
// False when it has ended.
bool send_signal(const formats::File& process, int signal);

// SIGKILL for the very process that was seen; nothing when its pid is another's by now.
void kill_seen(const ProcessStatus& seen);

}  // namespace server::jobs
