// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a job was asked for, from its own row, so that its worker's result can be compared with it.
#include <boost/json.hpp>

#include "builders/build_options.hpp"
#include "server/catalog/catalog.hpp"
#include "server/publish/worker_result.hpp"

namespace server::jobs {

// The options of a build's request. Throws builders::StepFailed that names a wrong one.
builders::BuildOptions options_of(const boost::json::object& request);

// REQUIRES: the request is an accepted one.
publish::Asked asked_of(const catalog::Job& job);

}  // namespace server::jobs
