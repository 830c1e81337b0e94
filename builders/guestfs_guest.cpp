// SPDX-License-Identifier: Apache-2.0
#include "builders/guestfs_guest.hpp"
