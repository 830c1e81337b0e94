// SPDX-License-Identifier: Apache-2.0
#pragma once
// What other people's code may use up in one step, as the operator of this machine says it. builders/sandbox keeps it.
#include <cstdint>

namespace builders {

struct Limits {
    std::uint64_t memory = std::uint64_t{4} << 30;  // bytes, of all processes together; of one by RLIMIT_DATA
    unsigned processes = 2048;                      // and threads, together; of one user id by RLIMIT_NPROC
    std::uint64_t disk = std::uint64_t{64} << 30;   // bytes the tree may take; of one file by RLIMIT_FSIZE
    std::uint64_t left = std::uint64_t{256} << 20;  // bytes that must stay free on the tree's file system
    // That must stay free of the whole machine's: what a step writes to a tmpfs of its own is no process's memory.
    std::uint64_t memory_left = std::uint64_t{256} << 20;
    unsigned seconds = 7200;  // of one step
};

}  // namespace builders
