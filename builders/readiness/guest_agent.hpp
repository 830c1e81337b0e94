// SPDX-License-Identifier: Apache-2.0
#pragma once
// XenServer's and XCP-ng's agent in the guest, which tells the host its addresses, memory and version and answers a
// clean shutdown. An image runs without it; the report says so.
#include <optional>
#include <string>
#include <vector>

#include "builders/packages/family.hpp"

namespace builders::readiness {

// What to say of an image without one: that there is none, what that costs, and how to add it.
std::optional<std::string> no_guest_agent(const std::vector<packages::InstalledPackage>& installed,
                                          const packages::GuestAgents& agents);

}  // namespace builders::readiness
