// SPDX-License-Identifier: Apache-2.0
#pragma once
// What is unsafe in a recipe that Anaconda takes without a word.
#include <functional>
#include <string>
#include <string_view>

#include "kickstart/recipe.hpp"

namespace kickstart {

// `word` is what the caret points at, when it stands in the line.
using Advise =
    std::function<void(int line, std::string_view rule, const std::string& message, const std::string& word)>;

void advise_on_commands(const Recipe& recipe, const Advise& advise);
void advise_on_scripts(const Recipe& recipe, const Advise& advise);

}  // namespace kickstart
