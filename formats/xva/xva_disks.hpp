// SPDX-License-Identifier: Apache-2.0
#pragma once
// The disks of an XVA that lies in a file, each readable anywhere: one walk over the tar headers finds
// every chunk; its checksum is verified whenever a chunk is read.
#include <memory>
#include <string>
#include <vector>

#include "formats/base/block_source.hpp"
#include "formats/disk/facts.hpp"
#include "formats/machine/hardware.hpp"

namespace formats::xva {

struct XvaImage {
    Hardware hardware;
    std::vector<std::string> references;              // "Ref:1000"
    std::vector<std::unique_ptr<BlockSource>> disks;  // in the same order
};
// Who will read the disks? One reader gets chunks read ahead, and each verified whenever it is read. With many,
// read_at() is thread-safe if the file's is, and a chunk is verified when it is first read, or not at all where
// the file verifies what it gives, as packed ones do.
enum class Readers { one, many_verified, many };

// Throws CorruptImage or RefusedImage with the member's name, as read_xva() does.
XvaImage open_xva(std::shared_ptr<BlockSource> file, Facts* facts = nullptr, Readers readers = Readers::one);

}  // namespace formats::xva
