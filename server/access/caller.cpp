// SPDX-License-Identifier: Apache-2.0
#include "server/access/caller.hpp"

#include <algorithm>

namespace server::access {

bool allowed(const Caller& caller, Permission permission) {
    return caller.name.empty() || std::ranges::find(caller.may, permission) != caller.may.end();
}

}  // namespace server::access
