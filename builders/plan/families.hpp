// SPDX-License-Identifier: Apache-2.0
#pragma once
// The families of distributions, as a plan knows them: by name, and whether builders/packages has a builder for them
// (a test holds the two together; a plan includes nothing of the builders).
#include <span>
#include <string_view>

namespace builders {

struct FamilyFacts {
    std::string_view name;      // Distribution::family, "debian"
    std::string_view releases;  // for people, "Debian and Ubuntu"
    bool built = false;         // a plan can be built, too
};
std::span<const FamilyFacts> families();

}  // namespace builders
