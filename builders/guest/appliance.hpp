// SPDX-License-Identifier: Apache-2.0
#pragma once
// libguestfs's appliance, a kernel and a small system made of this machine's packages, takes seconds to make and is
// kept for all jobs. It is made before a worker's walls stand, by a process that has read nothing of a job, and workers
// see it read-only: one that was taken over cannot put its own into the next one's.
#include <filesystem>

namespace builders {

// The folder, to be named by LIBGUESTFS_PATH; what LIBGUESTFS_PATH names already when that is a fixed appliance. Kept
// where libguestfs keeps it (LIBGUESTFS_CACHEDIR, TMPDIR or /var/tmp), made anew when packages changed; two processes
// wait for each other. Throws HostNotReady.
std::filesystem::path prepare_appliance();

}  // namespace builders
