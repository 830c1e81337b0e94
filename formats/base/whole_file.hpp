// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whole files at once. What is written here is there completely or not at all: under a name of its own, synced, then
// renamed, and the folder synced. Errors are std::system_error naming the path, and leave the old file as it was.
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace formats {

constexpr std::uint64_t most_of_a_whole_file = std::uint64_t{64} << 20;

// A regular file's text. Throws std::system_error (EFBIG) when it has more than `most` bytes.
std::string read_whole_file(const std::filesystem::path& path, std::uint64_t most = most_of_a_whole_file);

// Replaces the file when there is one. `mode` is that of the new file, less the process's umask.
void write_whole_file(const std::filesystem::path& path, std::string_view text, unsigned mode = 0644);

}  // namespace formats
