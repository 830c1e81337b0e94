// SPDX-License-Identifier: Apache-2.0
#pragma once
// Recipe → kickstart text in one canonical form: `#version=` first, the commands in their order with sorted options,
// then the sections. Parsed again it gives the same recipe, but for its line numbers and comments.
#include <string>

#include "kickstart/recipe.hpp"

namespace kickstart {

std::string render(const Recipe& recipe);

// A word so that it is read as it is: quoted when it must be.
std::string quoted(const std::string& word);

}  // namespace kickstart
