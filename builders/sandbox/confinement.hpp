// SPDX-License-Identifier: Apache-2.0
#pragma once
// Walls that a process builds around itself before it reads what others made. Each is for good. DESIGN's sandbox is for
// programs of other people; this is for a program of ours that reads their bytes and needs no program for it.
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace builders {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool with_sanitizer = true;
#elif defined(__has_feature)
inline constexpr bool with_sanitizer = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
inline constexpr bool with_sanitizer = false;
#endif

// From here on this thread, and the threads it starts, may write and make files below `writable` and read below
// `readable`, and open nothing else: no key, no catalog, no store. Processes outside cannot be traced or, with a recent
// kernel, signalled. REQUIRES: there is no other thread yet. False when the kernel has no Landlock.
bool confine_files(const std::vector<std::filesystem::path>& writable,
                   const std::vector<std::filesystem::path>& readable);

// The part of confine_files() that goes with mounting: abstract sockets and processes that were there before cannot be
// reached or traced, files are as they were. REQUIRES: as confine_files(). False when the kernel's Landlock is older
// than Linux 6.12 and keeps none of it.
bool confine_sockets_and_signals();

// What programs need to look up names and speak TLS: /usr, /etc, /proc and the like.
std::vector<std::filesystem::path> system_folders();

// Of this process: bytes of private memory, and no core files. A build with sanitizers, whose shadow counts as memory,
// keeps no limit of memory and returns false.
bool limit_memory(std::uint64_t bytes);
// Of each file written from now on; more is an error of the write.
void limit_file_size(std::uint64_t bytes);

}  // namespace builders
