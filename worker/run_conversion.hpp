// SPDX-License-Identifier: Apache-2.0
#pragma once
// The worker's half of a conversion: <job>/request.json {"conversion", "source", "date", "host", "reserved_bytes"} and
// <job>/source, or what is fetched first, into images of other formats and result.json in <job>/out. Everything it
// reads is somebody else's word: from its first line on the process can open nothing but its job's folder, and before
// the image is opened it loses the network and all but a part of the memory.
#include <boost/json.hpp>
#include <filesystem>
#include <functional>
#include <stop_token>

#include "builders/network/fetch.hpp"
#include "worker/line_progress.hpp"

namespace worker {

using Fetch = std::function<builders::network::Fetched(const builders::network::FetchRequest&, const std::stop_token&)>;

// Makes the folders a conversion writes to, and gives up all others. False when this kernel cannot: then only the
// network and the memory are taken away. REQUIRES: this process has one thread.
bool confine_conversion(const std::filesystem::path& job_folder);

// `confined` is what confine_conversion() returned, for the report.
void run_conversion(const std::filesystem::path& job_folder, const boost::json::object& request, bool confined,
                    const Fetch& fetch, LineProgress& progress, const std::stop_token& stop);

}  // namespace worker
