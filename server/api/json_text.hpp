// SPDX-License-Identifier: Apache-2.0
#pragma once
// Catalog values as the JSON of docs/api.md.
#include <boost/json.hpp>
#include <string>

#include "server/catalog/catalog.hpp"

namespace server::api {

boost::json::object job_links(const std::string& kind, const std::string& id);  // "/v1/builds/…" or "/v1/conversions/…"
boost::json::object to_json(const catalog::Job& job);
boost::json::object to_json(const catalog::Artifact& artifact);
boost::json::object to_json(const catalog::Release& release);

}  // namespace server::api
