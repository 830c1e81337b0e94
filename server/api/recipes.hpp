// SPDX-License-Identifier: Apache-2.0
#pragma once
// Stored recipes: a name with versions that never change, each at an address of its own, so that a build and a real
// installer use the same file. Passwords are left out of what everybody may read; who holds the version's token, which
// is told once when it is stored, reads the whole text.
#include "server/api/routes.hpp"

namespace server::api {

Response list_recipes(const Call& call);
Response store_recipe(const Call& call);     // {name}
Response recipe_versions(const Call& call);  // {name}
Response recipe_version(const Call& call);   // {name}, {version}
Response recipe_text(const Call& call);      // {name}, {version}
Response recipe_page(const Call& call);      // {name}

// The text that {"name": …, "version": …} means, the newest version when it names none. Throws std::invalid_argument
// when there is no such recipe.
catalog::StoredRecipe recipe_named(const std::string& name, int version, catalog::Catalog& catalog);

// What everybody may read. A copy with something left out begins with a line that stops every installer: what stands
// in place of a password must never become one.
std::string readable_by_all(const std::string& recipe);

inline constexpr std::size_t largest_recipe = std::size_t{1} << 20;  // bytes
inline constexpr int most_versions = 1000;

}  // namespace server::api
