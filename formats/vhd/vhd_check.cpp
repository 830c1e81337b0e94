// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include "formats/vhd/vhd.hpp"
#include "formats/vhd/vhd_footer.hpp"

namespace formats::vhd {
namespace {

constexpr std::size_t max_lines = 100;

std::string hidden_data(BlockSource& file, const Image& image, std::uint32_t block) {
    std::vector<std::byte> bytes(bitmap_size(image.block_size) + image.block_size);
    file.read_at(image.bat[block] * sector, bytes);
    const auto data = std::span(bytes).subspan(bitmap_size(image.block_size));
    const std::uint64_t on_disk = std::min(image.block_size, image.virtual_size - block * image.block_size) / sector;
    for (std::uint64_t i = 0; i < image.block_size / sector; ++i) {
        const bool bit = std::to_integer<unsigned>(bytes[i / 8]) >> (7 - i % 8) & 1;
        if (bit && i >= on_disk)
            return "block " + std::to_string(block) + ": bit " + std::to_string(i) + " is set past the end of the disk";
        if (!bit &&
            std::ranges::any_of(data.subspan(i * sector, sector), [](std::byte b) { return b != std::byte{0}; }))
            return "block " + std::to_string(block) + ": data in sector " + std::to_string(i) +
                   ", whose bitmap bit is clear";
    }
    return "";
}

}  // namespace

std::vector<std::string> check_vhd(BlockSource& file) {
    const Image image = read_image(file);
    std::vector<std::string> lines;
    if (!image.dynamic) return lines;
    Footer first{};
    file.read_at(0, writable_bytes_of(first));
    if (!std::ranges::equal(bytes_of(first), bytes_of(image.footer)))
        lines.emplace_back("the footer and its copy at byte 0 are not the same");
    for (std::uint32_t i = 0; i < image.bat.size() && lines.size() < max_lines; ++i) {
        if (image.bat[i] == free_block) continue;
        if (std::string line = hidden_data(file, image, i); !line.empty()) lines.push_back(std::move(line));
    }
    return lines;
}

}  // namespace formats::vhd
