// SPDX-License-Identifier: Apache-2.0
#pragma once
// What makes an image start and run well as PVHVM, checked on the finished disk before it is
// published. Each finding has the id of docs/readiness.md.
#include <string>
#include <vector>

#include "builders/guest/guest.hpp"

namespace builders::readiness {

struct Finding {
    std::string id;  // "K3"
    bool passed = false;
    std::string message;  // what was found, with the file
};

// For a plan with a bootloader; a disk that boots nothing has nothing to check but its identity.
std::vector<Finding> check(const BuildPlan& plan, Guest& guest);

}  // namespace builders::readiness
