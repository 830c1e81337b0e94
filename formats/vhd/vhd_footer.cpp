// SPDX-License-Identifier: Apache-2.0
#include "formats/vhd/vhd_footer.hpp"

#include <algorithm>
#include <string>

#include "formats/base/checked.hpp"
#include "formats/base/errors.hpp"

namespace formats::vhd {
namespace {

constexpr std::uint64_t max_bat_entries = std::uint64_t{1} << 24;
constexpr std::uint64_t max_block_size = std::uint64_t{256} << 20;
constexpr std::uint64_t largest_geometry = std::uint64_t{65535} * 16 * 255 * sector;

std::string text(std::uint64_t value) {
    return std::to_string(value);
}

bool all_zero(std::span<const std::byte> bytes) {
    return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

void check_footer(const Footer& footer, const char* which) {
    const std::string where = std::string("vhd: ") + which + ": ";
    if (footer.cookie != footer_cookie) throw CorruptImage(where + "cookie is not \"conectix\"");
    if (const std::uint32_t sum = own_checksum(footer); sum != footer.checksum)
        throw CorruptImage(where + "checksum is " + text(footer.checksum) + ", its bytes give " + text(sum));
    if (footer.file_format_version >> 16 != 1)
        throw RefusedImage(where + "file_format_version is " + text(footer.file_format_version) + "; 1.x is known");
    if (footer.disk_type == type_differencing)
        throw RefusedImage(where + "disk_type is 4: a differencing disk is not taken; merge it with its parent first");
    if (footer.disk_type != type_fixed && footer.disk_type != type_dynamic)
        throw RefusedImage(where + "disk_type is " + text(footer.disk_type) + "; 2 (fixed) and 3 (dynamic) are known");
}

// Virtual PC, and qemu in its name, show a guest the disk of the geometry; everybody else the size.
std::uint64_t size_by_creator(const Footer& footer, Facts* facts) {
    const std::uint64_t size = footer.current_size;
    const std::uint64_t geometry = std::uint64_t{footer.cylinders} * footer.heads * footer.sectors_per_track * sector;
    const std::string creator = text_of(footer.creator_application);
    const bool by_geometry =
        (creator == "vpc " || creator == "qemu") && geometry > 0 && geometry < size && geometry != largest_geometry;
    if (by_geometry && facts)
        facts->warnings.push_back("creator \"" + creator + "\" counts by geometry: the disk has " + text(geometry) +
                                  " bytes, current_size says " + text(size));
    return by_geometry ? geometry : size;
}

void read_bat(BlockSource& file, const DynamicHeader& header, Image& image) {
    const std::uint64_t needed = divide_up(image.virtual_size, image.block_size);
    const std::uint64_t entries = header.max_table_entries;
    if (entries < needed)
        throw CorruptImage("vhd: max_table_entries is " + text(entries) + ", a disk of " + text(image.virtual_size) +
                           " bytes in blocks of " + text(image.block_size) + " needs " + text(needed));
    if (needed > max_bat_entries)
        throw RefusedImage("vhd: the BAT needs " + text(needed) + " entries; " + text(max_bat_entries) +
                           " are the most");
    image.bat_offset = header.table_offset;
    if (image.bat_offset % sector != 0)
        throw CorruptImage("vhd: table_offset is " + text(image.bat_offset) + ", not a multiple of 512");
    check_range(image.bat_offset, entries * 4, image.file_size - sector, "vhd: table_offset: the BAT");
    image.bat.resize(needed);
    file.read_at(image.bat_offset, std::as_writable_bytes(std::span(image.bat)));
}

void check_bat(const Image& image, std::uint64_t end_of_headers) {
    const std::uint64_t length = bitmap_size(image.block_size) + image.block_size;
    const std::uint64_t end = image.file_size - sector;           // the footer's place
    std::vector<std::pair<std::uint32_t, std::uint32_t>> places;  // sector, BAT index
    for (std::uint32_t i = 0; i < image.bat.size(); ++i) {
        const std::uint32_t place = image.bat[i];
        if (place == free_block) continue;
        if (place * sector < end_of_headers)
            throw CorruptImage("vhd: BAT entry " + text(i) + " points to sector " + text(place) +
                               ", inside the headers");
        if (place * sector > end || length > end - place * sector)
            throw CorruptImage("vhd: BAT entry " + text(i) + " points to sector " + text(place) + ", file has " +
                               text(image.file_size / sector));
        places.emplace_back(place, i);
    }
    std::ranges::sort(places);
    for (std::size_t i = 1; i < places.size(); ++i)
        if ((places[i].first - places[i - 1].first) * sector < length)
            throw CorruptImage("vhd: BAT entries " + text(places[i - 1].second) + " and " + text(places[i].second) +
                               " overlap at sector " + text(places[i].first));
}

void read_dynamic(BlockSource& file, Image& image) {
    Footer first{};
    file.read_at(0, writable_bytes_of(first));
    check_footer(first, "the footer's copy at byte 0");
    if (first.disk_type != image.footer.disk_type || first.current_size != image.footer.current_size ||
        first.data_offset != image.footer.data_offset)
        throw CorruptImage(
            "vhd: the footer and its copy at byte 0 disagree about disk_type, current_size or data_offset");
    const std::uint64_t header_at = image.footer.data_offset;
    DynamicHeader header{};
    if (header_at < sizeof(Footer) || header_at % sector != 0)
        throw CorruptImage("vhd: data_offset is " + text(header_at) +
                           ", not a multiple of 512 after the footer's copy");
    check_range(header_at, sizeof header, image.file_size - sector, "vhd: data_offset: the header");
    file.read_at(header_at, writable_bytes_of(header));
    if (header.cookie != header_cookie) throw CorruptImage("vhd: header: cookie is not \"cxsparse\"");
    if (const std::uint32_t sum = own_checksum(header); sum != header.checksum)
        throw CorruptImage("vhd: header: checksum is " + text(header.checksum) + ", its bytes give " + text(sum));
    if (header.header_version >> 16 != 1)
        throw RefusedImage("vhd: header_version is " + text(header.header_version) + "; 1.x is known");
    if (!all_zero(bytes_of(header.parent_unique_id)))
        throw RefusedImage("vhd: parent_unique_id is set: a disk with a parent is not taken");
    for (std::size_t i = 0; i < header.parent_locators.size(); ++i)
        if (header.parent_locators[i].platform_code != 0)
            throw RefusedImage("vhd: parent_locators[" + text(i) + "] is set: a disk with a parent is not taken");
    image.block_size = header.block_size;
    if (!is_power_of_two(image.block_size) || image.block_size < 8 * sector || image.block_size > max_block_size)
        throw CorruptImage("vhd: block_size is " + text(image.block_size) + "; a power of two from 4096 to " +
                           text(max_block_size) + " can be");
    if (text_of(image.footer.creator_application) == std::string("tap") && image.footer.creator_version <= 1)
        throw RefusedImage("vhd: creator_version 0.1 of \"tap\" has bitmaps of the other bit order");
    read_bat(file, header, image);
    check_bat(image, std::max(header_at + sizeof header, image.bat_offset + image.bat.size() * 4));
}

}  // namespace

std::string text_of(const std::array<char, 4>& creator) {
    std::string text(creator.begin(), creator.end());
    text.erase(std::ranges::find(text, '\0'), text.end());
    for (char& c : text)
        if (c < 0x20 || c > 0x7e) c = '?';
    return text;
}

Image read_image(BlockSource& file, Facts* facts) {
    Image image;
    image.file_size = file.virtual_size();
    if (image.file_size < sizeof(Footer))
        throw CorruptImage("vhd: the file has " + text(image.file_size) + " bytes, its footer alone 512");
    file.read_at(image.file_size - sizeof(Footer), writable_bytes_of(image.footer));
    check_footer(image.footer, "the footer at the end");
    image.dynamic = image.footer.disk_type == type_dynamic;
    image.virtual_size = size_by_creator(image.footer, facts);
    if (image.virtual_size == 0 || image.virtual_size % sector != 0)
        throw CorruptImage("vhd: current_size is " + text(image.virtual_size) + ", not a positive multiple of 512");
    if (image.dynamic)
        read_dynamic(file, image);
    else if (image.virtual_size > image.file_size - sizeof(Footer))
        throw CorruptImage("vhd: current_size is " + text(image.virtual_size) + ", file has " + text(image.file_size));
    if (facts) {
        facts->feature("disk type", image.dynamic ? "dynamic" : "fixed");
        facts->feature("creator", text_of(image.footer.creator_application));
        facts->feature("geometry", text(image.footer.cylinders) + "/" + text(image.footer.heads) + "/" +
                                       text(image.footer.sectors_per_track));
        if (image.dynamic) facts->feature("block size", text(image.block_size));
        if (image.footer.saved_state)
            facts->warnings.push_back("the disk belongs to a saved state (saved_state is set)");
        if (!image.dynamic && image.virtual_size != image.file_size - sizeof(Footer))
            facts->warnings.push_back("the file has " + text(image.file_size - sizeof(Footer)) +
                                      " bytes before its footer, the disk " + text(image.virtual_size));
    }
    return image;
}

}  // namespace formats::vhd
