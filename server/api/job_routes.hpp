// SPDX-License-Identifier: Apache-2.0
#pragma once
// What is the same for jobs of every kind: /v1/<kind>s, the list, and /v1/<kind>s/{id} with its log and events. Jobs of
// one kind are not found below the address of another.
#include <boost/json.hpp>
#include <string>

#include "server/api/routes.hpp"

namespace server::api {

// `kind` is "build" or "conversion". All but the list are of {id}.
Answer list_jobs(const std::string& kind);
Answer show_job(const std::string& kind);
Answer cancel_job(const std::string& kind);
Answer job_events(const std::string& kind);
Answer job_log(const std::string& kind);

// 202 with the job's address; `more` is told besides. No release: its name is taken when it is published, and may be
// another job's until then.
Response accepted(const std::string& kind, const std::string& id, const boost::json::object& more = {});

}  // namespace server::api
