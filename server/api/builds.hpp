// SPDX-License-Identifier: Apache-2.0
#pragma once
// /v1/builds: a recipe becomes a job; what happens to it is job_routes.hpp.
#include "builders/plan/build_host.hpp"
#include "server/api/api.hpp"

namespace server::api {

Response builds(const Request& request, const std::vector<std::string>& parts, jobs::JobRunner& jobs,
                catalog::Catalog& catalog, const builders::BuildHost& host);

}  // namespace server::api
