// SPDX-License-Identifier: Apache-2.0
#include "builders/readiness/guest_agent.hpp"

#include <fnmatch.h>

#include <algorithm>

namespace builders::readiness {

std::optional<std::string> no_guest_agent(const std::vector<packages::InstalledPackage>& installed,
                                          const packages::GuestAgents& agents) {
    const auto is_agent = [&](const packages::InstalledPackage& package) {
        return std::any_of(agents.packages.begin(), agents.packages.end(), [&](const std::string& pattern) {
            return ::fnmatch(pattern.c_str(), package.name.c_str(), 0) == 0;
        });
    };
    if (std::any_of(installed.begin(), installed.end(), is_agent)) return std::nullopt;
    return "no guest agent is in the image: XenServer and XCP-ng run it all the same, and show neither its addresses "
           "nor its memory. Where a source of the recipe has the package xe-guest-utilities or xen-guest-agent, name "
           "it in %packages; " +
           agents.where;
}

}  // namespace builders::readiness
