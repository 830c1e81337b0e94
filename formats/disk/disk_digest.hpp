// SPDX-License-Identifier: Apache-2.0
#pragma once
// The disk digest: one SHA-256 for the content of a virtual disk, the same in every format. A Merkle
// root over leaves of 1 MiB; leaves that are all zero cost nothing, and those behind the last other
// leaf do not count. Defined in docs/formats/disk-digest.md, so that others can compute it.
#include <string>

#include "formats/base/block_source.hpp"

namespace formats {

// 64 lower-case hex digits. Reads what is allocated, with `threads` digesting (0: one per processor).
std::string disk_digest(BlockSource& disk, unsigned threads = 0);

}  // namespace formats
