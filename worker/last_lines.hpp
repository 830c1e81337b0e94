// SPDX-License-Identifier: Apache-2.0
#pragma once
// The end of a job's log, for whoever asks why it failed.
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace worker {

constexpr std::size_t log_lines_shown = 40;

// At most `count` lines, the oldest first, of the file's last 256 KiB. None when there is no such file.
std::vector<std::string> last_lines(const std::filesystem::path& file, std::size_t count = log_lines_shown);

}  // namespace worker
