// SPDX-License-Identifier: Apache-2.0
#pragma once
// The system calls that other people's scripts have no business with, as a seccomp program for bwrap:
// namespaces and mounts, kernel keyrings, tracing, modules, kexec, bpf, handles, clocks, reboot.
// Everything else is allowed; the refused ones answer EPERM, so that programs go on without them.
#include "formats/base/file.hpp"

namespace builders {

// An unnamed file with the compiled filter, at its start.
formats::File script_filter();

// For this process, all its threads, for good: what script_filter() refuses, and every socket, and starting programs.
// What it has open stays open.
void refuse_network_and_programs();

}  // namespace builders
