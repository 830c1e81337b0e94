// SPDX-License-Identifier: Apache-2.0
#pragma once
// The disks of an XVA that lies in a file, each readable anywhere: one walk over the tar headers finds
// every chunk; its checksum is verified whenever a chunk is read.
#include <memory>
#include <string>
#include <vector>

#include "formats/disk/block_source.hpp"
#include "formats/disk/facts.hpp"
#include "formats/hardware.hpp"

namespace formats::xva {

struct XvaImage {
    Hardware hardware;
    std::vector<std::string> references;              // "Ref:1000"
    std::vector<std::unique_ptr<BlockSource>> disks;  // in the same order
};
// Throws CorruptImage or RefusedImage with the member's name, as read_xva() does.
XvaImage open_xva(std::shared_ptr<BlockSource> file, Facts* facts = nullptr);

}  // namespace formats::xva
