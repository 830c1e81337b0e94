// SPDX-License-Identifier: Apache-2.0
#pragma once
// What is the same for jobs of every kind: /v1/<kind>s, the list, and /v1/<kind>s/{id} with its log and events. Jobs of
// one kind are not found below the address of another.
#include <boost/json.hpp>
#include <string>

#include "server/api/api.hpp"

namespace server::api {

// `kind` is "build" or "conversion"; parts[1] is its plural.
Response job_routes(const std::string& kind, const Request& request, const std::vector<std::string>& parts,
                    jobs::JobRunner& jobs, catalog::Catalog& catalog);

// 202 with the job's address; `more` is told besides. No release: its name is taken when it is published, and may be
// another job's until then.
Response accepted(const std::string& kind, const std::string& id, const boost::json::object& more = {});

}  // namespace server::api
