// SPDX-License-Identifier: Apache-2.0
#include "builders/packages/host_tools.hpp"

#include <array>

namespace builders::packages {

std::span<const HostTool> host_tools(std::string_view family) {
    static constexpr std::array debian{HostTool{.program = "mmdebstrap", .package = "mmdebstrap"}};
    if (family == "debian") return debian;
    return {};
}

}  // namespace builders::packages
