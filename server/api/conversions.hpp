// SPDX-License-Identifier: Apache-2.0
#pragma once
// /v1/conversions: an upload, a published file or an address becomes a job that makes images of it; what happens to it
// is job_routes.hpp.
#include "server/api/api.hpp"

namespace server::api {

// `uploads` may be null: then there are none.
Response conversions(const Request& request, const std::vector<std::string>& parts, jobs::JobRunner& jobs,
                     catalog::Catalog& catalog, const store::Store& store, uploads::Uploads* uploads);

}  // namespace server::api
