// SPDX-License-Identifier: Apache-2.0
#include "builders/readiness/guest_agent.hpp"

#include <algorithm>

namespace builders::readiness {

std::optional<std::string> no_guest_agent(const std::vector<packages::InstalledPackage>& installed) {
    const auto is_agent = [](const packages::InstalledPackage& package) {
        return package.name.starts_with("xe-guest-utilities") || package.name == "xen-guest-agent";
    };
    if (std::any_of(installed.begin(), installed.end(), is_agent)) return std::nullopt;
    return "no guest agent is in the image: XenServer and XCP-ng run it all the same, and show neither its addresses "
           "nor "
           "its memory. Where a source of the recipe has the package xe-guest-utilities or xen-guest-agent, name it in "
           "%packages; Ubuntu's universe has the first, Debian has neither";
}

}  // namespace builders::readiness
