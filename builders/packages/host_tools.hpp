// SPDX-License-Identifier: Apache-2.0
#pragma once
// The programs of this machine that install a family's packages. Apart from family.hpp, so that the command and the
// service can ask for them without being linked with all that builds.
#include <span>
#include <string_view>

#include "builders/sandbox/id_range.hpp"

namespace builders::packages {

std::span<const HostTool> host_tools(std::string_view family);  // none of a family that is not built

}  // namespace builders::packages
