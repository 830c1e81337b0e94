// SPDX-License-Identifier: Apache-2.0
#pragma once
// Who can read what in the data folder: its service, and nobody else. Meant for others are signing-key.pub.pem (0644),
// and the folders that the sandbox's user passes through on its way to a build's tree (0711: passed, not listed). All
// else is 0600 and 0700 by the umask of the service and its workers; what is published is read over HTTP.
#include <cstddef>
#include <filesystem>

namespace server {

// Makes the folder when there is none. From here on new files of this process are its user's alone.
void prepare_data_folder(const std::filesystem::path& data);

// What earlier releases let others read is closed to them. Returns how many files and folders that were.
// Only takes rights away, only of files of our own, and follows no symlink: job folders hold names and files
// that somebody's recipe made. signing-key.pem is left for its reader to refuse: what others could read is no secret
// any more. Throws std::system_error.
std::size_t close_to_others(const std::filesystem::path& data);

}  // namespace server
