// SPDX-License-Identifier: Apache-2.0
#pragma once
// /v1/conversions: an upload, a published file or an address becomes a job that makes images of it; what happens to it
// is job_routes.hpp.
#include "server/api/routes.hpp"

namespace server::api {

Response submit_conversion(const Call& call);

}  // namespace server::api
