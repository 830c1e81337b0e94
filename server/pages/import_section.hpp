// SPDX-License-Identifier: Apache-2.0
#pragma once
// The commands with which a XenServer or XCP-ng host takes a release: `xe vm-import` for an XVA, `xe vdi-import` for a
// disk alone. Part of the catalog's pages.
#include <cstdint>
#include <string>

#include "server/catalog/catalog.hpp"

namespace server::pages {

std::string address(const catalog::Artifact& artifact);  // of its download, without the host

// `virtual_size` is of the disk, 0 when it is not known. Empty when there is nothing a host would take.
std::string import_section(const catalog::Release& release, std::uint64_t virtual_size, const std::string& public_url);

}  // namespace server::pages
