// SPDX-License-Identifier: Apache-2.0
#pragma once
// The catalog for people: one page of plain HTML, no script, nothing from elsewhere.
#include "server/api/api.hpp"

namespace server::api {

Response catalog_page(const std::vector<catalog::Release>& releases, const publish::SigningKey& key, const Config& config);

}  // namespace server::api
