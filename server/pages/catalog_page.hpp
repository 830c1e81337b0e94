// SPDX-License-Identifier: Apache-2.0
#pragma once
// The catalog for people: plain HTML with its style inside (web/catalog.css), no script, nothing from
// elsewhere. What workers and recipes wrote is text, never markup; what is missing is left out.
#include "server/catalog/catalog.hpp"
#include "server/config.hpp"
#include "server/message.hpp"
#include "server/publish/signing_key.hpp"

namespace server::pages {

// `older` is the address of the next page; empty when there is none.
// `recipes`: the newest version of each that is listed beside the releases.
Response catalog_page(const std::vector<catalog::Release>& releases, const std::string& older,
                      const std::vector<catalog::StoredRecipe>& recipes, const publish::SigningKey& key,
                      const Config& config);

// One release with everything open: notes, readiness checks, packages, and its kickstart.
Response release_page(const catalog::Release& release, const std::string& recipe, const publish::SigningKey& key,
                      const Config& config);

// A stored recipe with its versions, newest first, and the newest one's text as everybody may read it.
Response recipe_page(const std::vector<catalog::StoredRecipe>& versions, const std::string& text,
                     const publish::SigningKey& key, const Config& config);

}  // namespace server::pages
