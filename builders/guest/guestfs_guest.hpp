// SPDX-License-Identifier: Apache-2.0
#pragma once
// The real Guest: a libguestfs appliance. guestfs_guest.cpp is the only file that includes
// <guestfs.h>, and only xenkiln-worker links it.
#include <memory>

#include "builders/guest/guest.hpp"

namespace builders {

// Launches the appliance, bounded in time: when the accelerated launch does not answer, falls back
// to TCG and remembers that for this machine. Throws HostNotReady or StepFailed.
std::unique_ptr<Guest> open_guestfs_guest(const GuestSetup& setup);

}  // namespace builders
