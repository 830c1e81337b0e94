// SPDX-License-Identifier: Apache-2.0
#pragma once
// A root file system of Debian's family into a sandbox's tree, by mmdebstrap.
#include <vector>

#include "builders/packages/family.hpp"

namespace builders::packages {

// The plan's packages on top of the essential set. Sources and keys of the installation never end up in the tree.
// Throws StepFailed naming the package when apt cannot find or install one.
std::vector<InstalledPackage> install_with_mmdebstrap(const Installation& what);

}  // namespace builders::packages
