// SPDX-License-Identifier: Apache-2.0
#pragma once
// The footer and the header of a VHD as checked numbers. Inside the room only.
#include <cstdint>
#include <string>
#include <vector>

#include "formats/base/block_source.hpp"
#include "formats/disk/facts.hpp"
#include "formats/vhd/vhd_structs.hpp"

namespace formats::vhd {

struct Image {
    Footer footer;
    std::uint64_t file_size = 0, virtual_size = 0;
    bool dynamic = false;
    std::uint64_t block_size = 0, bat_offset = 0;  // dynamic only
    std::vector<be32> bat;                         // as many entries as the disk needs

    std::uint64_t data_offset_of(std::uint32_t bat_sector) const {
        return bat_sector * sector + bitmap_size(block_size);
    }
};
// Throws CorruptImage or RefusedImage, naming the field.
Image read_image(BlockSource& file, Facts* facts = nullptr);

std::string text_of(const std::array<char, 4>& creator);  // "tap", "win "

}  // namespace formats::vhd
