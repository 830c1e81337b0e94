// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a job was asked for, from its own row and folder, so that its worker's result can be compared with it.
#include <filesystem>

#include "server/catalog/catalog.hpp"
#include "worker/worker_result.hpp"

namespace server::jobs {

// Of a build: by the plan in its folder, which its worker cannot change; what an earlier release queued has none and is
// planned. REQUIRES: the request is an accepted one.
worker::Asked asked_of(const catalog::Job& job, const std::filesystem::path& job_folder);

}  // namespace server::jobs
