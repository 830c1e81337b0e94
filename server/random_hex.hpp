// SPDX-License-Identifier: Apache-2.0
#pragma once
// Names and tokens nobody can guess.
#include <cstddef>
#include <string>

namespace server {

// So many random bytes of the kernel as lower-case hex digits, two each. Throws std::runtime_error without them.
std::string random_hex(std::size_t bytes);

}  // namespace server
