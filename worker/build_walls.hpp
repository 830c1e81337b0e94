// SPDX-License-Identifier: Apache-2.0
#pragma once
// The walls of a build's worker (builders/sandbox/worker_view.hpp) in terms of a job's folder. The worker sees the
// folder's name, but what is behind it is <job>/walls/room, with the request and the recipe read-only; the log, the
// events and worker.pid are not there. When it has ended, its keeper looks at what it left and hands on: work, out,
// result.json and plan.json.
#include <boost/json.hpp>
#include <filesystem>
#include <functional>
#include <string>

namespace worker {

// Where libguestfs's appliance is, made if need be; may be empty, then the worker has none.
using Appliance = std::function<std::filesystem::path()>;

// Returns in the worker, behind the walls, with a sentence on what stands; this process becomes its keeper and exits
// with its exit code. REQUIRES: there is no other thread yet. Throws builders::HostNotReady, before anything of the
// recipe is read, where there can be no walls.
std::string confine_build(const std::filesystem::path& folder, const boost::json::object& request,
                          const Appliance& appliance);

}  // namespace worker
