// SPDX-License-Identifier: Apache-2.0
#pragma once
// A build's request as it lies in its job's row and folder: {"options": {NAME: TEXT or [TEXT …]}, "date": YYYYMMDD,
// "host"}.
#include <boost/json.hpp>

#include "builders/plan/build_options.hpp"

namespace worker {

// Throws builders::StepFailed that names a wrong one.
builders::BuildOptions options_of(const boost::json::object& request);

}  // namespace worker
