// SPDX-License-Identifier: Apache-2.0
#pragma once
// SHA-1 of several messages side by side, for the checksums of an XVA's chunks. One message at a time waits for each of
// its 80 rounds; eight at once fill a vector unit and take two fifths of the time (bench/README.md). Of Debian's
// libraries none does this for messages of 64 KiB and more. Processors with SHA instructions, and those without AVX2,
// get the library's own SHA-1.
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace formats {

inline constexpr std::size_t sha1_lanes = 8;  // messages side by side: fewer cost the same

// Hex digests in the order of the messages. REQUIRES: all of one length.
std::vector<std::string> sha1_of_each(std::span<const std::span<const std::byte>> messages);

}  // namespace formats
