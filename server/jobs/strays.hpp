// SPDX-License-Identifier: Apache-2.0
#pragma once
// Processes that got away from their job. A worker's session is killed when its leader has ended (worker_process.hpp),
// but whoever makes a session of his own (setsid) is not in it. Such a process is found by who its parent is: the
// kernel gives it to the nearest ancestor that takes orphans, which is this process.
#include <sys/types.h>

#include <set>

namespace server::jobs {

// From now on orphans of all descendants become children of this process. Throws std::system_error.
void take_orphans();

// Kills and reaps all children of this process whose session is neither ours nor one of `living`, and what they leave
// behind in turn, until there are none. Throws std::runtime_error with the id of one that does not go within five
// seconds: then nobody may rely on its job's files. REQUIRES: no worker is being started meanwhile.
void end_strays(const std::set<pid_t>& living);

}  // namespace server::jobs
