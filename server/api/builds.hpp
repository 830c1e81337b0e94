// SPDX-License-Identifier: Apache-2.0
#pragma once
// /v1/builds: a recipe becomes a job; what happens to it is job_routes.hpp.
#include "server/api/routes.hpp"

namespace server::api {

Response submit_build(const Call& call);

}  // namespace server::api
