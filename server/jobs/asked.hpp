// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a job was asked for, from its own row, so that its worker's result can be compared with it.
#include "server/catalog/catalog.hpp"
#include "worker/worker_result.hpp"

namespace server::jobs {

// REQUIRES: the request is an accepted one.
worker::Asked asked_of(const catalog::Job& job);

}  // namespace server::jobs
