// SPDX-License-Identifier: Apache-2.0
#pragma once
// Canonical commands → the typed fields of a Recipe.
#include "kickstart/recipe.hpp"

namespace kickstart {

// Fills every typed field from recipe.commands. Of commands that replace each other the last wins,
// as in Anaconda; those that add (part, user, network …) add.
void build_recipe(Recipe& recipe);

}  // namespace kickstart
