// SPDX-License-Identifier: Apache-2.0
#pragma once
// VMDK, monolithicSparse and streamOptimized (VMware's "Virtual Disk Format 5.0"; byte table:
// docs/formats/vmdk.md). Read only. A descriptor that names any other file is refused.
#include <memory>

#include "formats/base/block_source.hpp"
#include "formats/disk/facts.hpp"

namespace formats::vmdk {

// Throws RefusedImage or CorruptImage, naming the field.
std::unique_ptr<BlockSource> open_vmdk(std::shared_ptr<BlockSource> file, Facts* facts = nullptr);

}  // namespace formats::vmdk
