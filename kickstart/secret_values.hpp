// SPDX-License-Identifier: Apache-2.0
#pragma once
// The secrets of a recipe as its parser understood them: passwords, hashes of passwords, passphrases, keys of networks
// and services, credentials in addresses. For whoever must keep them out of what others read: a log, events, errors.
// Taken from accepted commands only, so no spelling of a command hides one. What a script holds is not among them.
#include <string>
#include <vector>

#include "kickstart/recipe.hpp"

namespace kickstart {

// Sorted, unique, never empty ones. Of an address the part before "@" as written and with its %XX read, and the
// password in it alone.
std::vector<std::string> secret_values(const Recipe& recipe);

// The same of one address: nothing when it has no credentials. Addresses of other places than recipes have some too.
std::vector<std::string> secrets_of_address(const std::string& address);

}  // namespace kickstart
