// SPDX-License-Identifier: Apache-2.0
#pragma once
// Debian and Ubuntu: packages by mmdebstrap, kernels as their linux-image packages name them, GRUB by grub-install.
#include "builders/packages/family.hpp"

namespace builders::packages {

const Family& debian();

}  // namespace builders::packages
