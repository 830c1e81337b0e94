// SPDX-License-Identifier: Apache-2.0
#pragma once
// The mounts of a WorkerView, made by the first process of its namespaces.
#include "builders/sandbox/id_range.hpp"
#include "builders/sandbox/worker_view.hpp"

namespace builders {

// From here on this process, and those it starts, see the view only. REQUIRES: new user, mount and pid namespaces, with
// this user and `ids` mapped to themselves. Throws std::system_error, or HostNotReady with what mends it.
void mount_view(const WorkerView& view, const SubordinateIds& ids);

}  // namespace builders
