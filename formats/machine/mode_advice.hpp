// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which way of running under Xen suits an image best, and why. The taxonomy is that of "What Color Is Your Xen"
// (B. Gregg, 2014): what is paravirtual: disk and network; interrupts and timers; the board and legacy boot;
// privileged instructions and page tables.
#include <string>

#include "formats/machine/hardware.hpp"

namespace formats::machine {

// What this mode leaves to emulation, for whom it is right, and which mode would be better where that is another one.
std::string mode_advice(formats::Mode mode);

}  // namespace formats::machine
