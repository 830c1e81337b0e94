// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which level a file was written for when nobody says: `#version=`, or the level at which it reads best.
#include "kickstart/levels.hpp"
#include "kickstart/parser.hpp"

namespace kickstart {

ParseResult parse_at(std::string_view text, const Sources& sources, Level level, bool forgiving);  // parser.cpp

// recipe.version_reason says which of the two it was.
ParseResult parse_at_guessed_level(std::string_view text, const Sources& sources, bool forgiving);

}  // namespace kickstart
