// SPDX-License-Identifier: Apache-2.0
#pragma once
// Are these bytes all zero? At the speed of memcmp: a buffer whose first byte is 0 and that equals
// itself one byte further on has no other byte.
#include <cstddef>
#include <cstring>
#include <span>

namespace formats {

inline bool all_zero(std::span<const std::byte> bytes) {
    return bytes.empty() ||
           (bytes[0] == std::byte{0} && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace formats
