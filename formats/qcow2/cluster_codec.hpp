// SPDX-License-Identifier: Apache-2.0
#pragma once
// One compressed cluster: raw deflate with a window of 4 KiB, or one zstd frame.
#include <cstddef>
#include <span>
#include <vector>

namespace formats::qcow2 {

// Fills all of `cluster`; throws CorruptImage when `packed` does not hold exactly that. What lies
// behind the end of the packed stream is ignored: its length is only known in sectors.
void unpack_cluster(bool zstd, std::span<const std::byte> packed, std::span<std::byte> cluster);

// The packed bytes, or none when they would not be smaller than the cluster.
std::vector<std::byte> pack_cluster(bool zstd, int level, std::span<const std::byte> cluster);

}  // namespace formats::qcow2
