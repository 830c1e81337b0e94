// SPDX-License-Identifier: Apache-2.0
#pragma once
// Do two disks have the same content? What one has behind the end of the other must be zero.
#include <optional>

#include "formats/base/block_source.hpp"

namespace formats {

// The first byte that differs; none when the content is the same. Reads only what one has allocated.
std::optional<std::uint64_t> first_difference(BlockSource& a, BlockSource& b);

}  // namespace formats
