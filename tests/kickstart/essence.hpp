// SPDX-License-Identifier: Apache-2.0
#pragma once
// What two recipes must have in common to be the same: all but line numbers and the comments rendering leaves out.
#include <cctype>
#include <string>

#include "kickstart/json.hpp"

inline std::string essence(kickstart::Recipe recipe) {
    recipe.version_comment.reset();
    std::string text;
    for (const auto& option : recipe.options) text += option.key + "=" + option.value + "\n";
    text += kickstart::to_json({recipe, {}, {}});
    const std::string member = "\"line\":";
    for (std::size_t at = text.find(member); at != std::string::npos; at = text.find(member, at)) {
        std::size_t end = at + member.size();
        while (std::isdigit(static_cast<unsigned char>(text[end]))) ++end;
        text.erase(at, end - at);
    }
    return text;
}
