// SPDX-License-Identifier: Apache-2.0
#pragma once
// How many files this process may have open. A service wants all that it may have; programs it starts get back what it
// was started with: some close every number up to their limit, and select() breaks above 1024.
#include <cstdint>

namespace builders {

// The soft limit becomes the hard one. Returns it. Before there is a second thread.
std::uint64_t raise_open_files();

// In a child, between fork and exec; nothing when nothing was raised.
void restore_open_files() noexcept;

}  // namespace builders
