// SPDX-License-Identifier: Apache-2.0
#pragma once
// What `xenkiln upload` does.
#include <string>

namespace cli {

// Sends the file in chunks, goes on after breaks, and finds an earlier, interrupted run's upload again. Prints id and
// address. Returns the exit code.
int send_upload(const std::string& file, const std::string& server, const std::string& name);

}  // namespace cli
