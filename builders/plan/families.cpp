// SPDX-License-Identifier: Apache-2.0
#include "builders/plan/families.hpp"

#include <array>

namespace builders {

std::span<const FamilyFacts> families() {
    static constexpr std::array all{
        FamilyFacts{.name = "debian", .releases = "Debian and Ubuntu", .built = true},
        FamilyFacts{.name = "rpm", .releases = "Red Hat Enterprise Linux and its kin, Fedora", .built = false}};
    return all;
}

}  // namespace builders
