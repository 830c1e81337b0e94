// SPDX-License-Identifier: Apache-2.0
#pragma once
// Catalog values as the JSON of docs/api.md.
#include <boost/json.hpp>
#include <string>
#include <string_view>

#include "server/catalog/catalog.hpp"

namespace server::api {

boost::json::object job_links(const std::string& kind, const std::string& id);  // "/v1/builds/…" or "/v1/conversions/…"
boost::json::object to_json(const catalog::Job& job);
boost::json::object to_json(const catalog::Artifact& artifact);
boost::json::object to_json(const catalog::Release& release);

// JSON and pages are UTF-8, whatever bytes a recipe or an address had: what is not becomes U+FFFD.
std::string valid_utf8(std::string_view text);
// Line of the first byte that is not UTF-8, from 1; 0 when all of it is.
int line_not_utf8(std::string_view text);

}  // namespace server::api
