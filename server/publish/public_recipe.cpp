// SPDX-License-Identifier: Apache-2.0
#include "server/publish/public_recipe.hpp"

#include "kickstart/secrets.hpp"

namespace server::publish {

std::string public_recipe(std::string_view text) {
    return kickstart::public_text(text);
}

}  // namespace server::publish
