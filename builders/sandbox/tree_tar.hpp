// SPDX-License-Identifier: Apache-2.0
#pragma once
// Files for the tree as a tar stream: one entry into the sandbox writes them all.
#include <string>
#include <vector>

#include "builders/plan/tree_file.hpp"

namespace builders {

// ustar, in the given order; members without the leading slash. Throws std::invalid_argument for a path that
// is not absolute, has "..", or is longer than 255 bytes.
std::string tar_of(const std::vector<TreeFile>& files);

}  // namespace builders
