// SPDX-License-Identifier: Apache-2.0
#include "formats/vmdk/vmdk_header.hpp"

#include <algorithm>

#include "formats/base/checked.hpp"
#include "formats/base/errors.hpp"

namespace formats::vmdk {
namespace {

constexpr std::uint64_t max_descriptor = (std::uint64_t{1} << 20) - 1;  // bytes
constexpr std::uint64_t max_grain = std::uint64_t{2} << 20;
constexpr std::uint64_t max_directory = std::uint64_t{1} << 23;  // entries
constexpr std::array<char, 4> magic{'K', 'D', 'M', 'V'};
constexpr std::uint32_t marker_end = 0, marker_footer = 3;

std::string text(std::uint64_t value) {
    return std::to_string(value);
}

std::uint64_t bytes(std::uint64_t sectors, const char* field) {
    return checked_multiply(sectors, sector, std::string("vmdk: ") + field);
}

void check_numbers(const SparseHeader& header, const char* where) {
    const std::string at = std::string("vmdk: ") + where + ": ";
    if (header.magic != magic) throw CorruptImage(at + "magic is not \"KDMV\"");
    if (header.version < 1 || header.version > 3)
        throw RefusedImage(at + "version is " + text(header.version) + "; 1 to 3 are known");
    if (header.flags & ~known_flags) throw RefusedImage(at + "flags has unknown bits " + text(header.flags));
    if ((header.flags & flag_line_ends) && header.line_ends != std::array{'\n', ' ', '\r', '\n'})
        throw CorruptImage(at + "the line ends were changed: the file was transferred as text");
    const bool packed = header.flags & flag_compressed;
    if (packed != (header.compression == 1) || header.compression > 1)
        throw RefusedImage(at + "compressAlgorithm is " + text(header.compression) + "; 0, or 1 with flag 16, can be");
    if (packed != ((header.flags & flag_markers) != 0))
        throw RefusedImage(at + "flags: compressed grains and markers only go together");
}

// streamOptimized writes its directory at the end: the true header is the footer there.
SparseHeader read_footer(BlockSource& file, const SparseHeader& header) {
    const std::uint64_t size = file.virtual_size();
    if (size < 4 * sector) throw CorruptImage("vmdk: the file has " + text(size) + " bytes, no place for a footer");
    Marker footer_marker{}, end_marker{};
    SparseHeader footer{};
    file.read_at(size - 3 * sector, writable_bytes_of(footer_marker));
    file.read_at(size - 2 * sector, writable_bytes_of(footer));
    file.read_at(size - sector, writable_bytes_of(end_marker));
    if (footer_marker.value != 1 || footer_marker.size != 0 || footer_marker.type != marker_footer)
        throw CorruptImage("vmdk: no footer marker three sectors before the end; the file may be cut short");
    if (end_marker.value != 0 || end_marker.size != 0 || end_marker.type != marker_end)
        throw CorruptImage("vmdk: no end-of-stream marker at the end; the file may be cut short");
    check_numbers(footer, "footer");
    if (footer.version != header.version || footer.flags != header.flags || footer.capacity != header.capacity ||
        footer.grain_size != header.grain_size || footer.grain_table_entries != header.grain_table_entries)
        throw CorruptImage("vmdk: the footer contradicts the header");
    if (footer.directory_offset == directory_at_end) throw CorruptImage("vmdk: footer: gdOffset is not set");
    return footer;
}

void read_descriptor(BlockSource& file, const SparseHeader& header, Facts* facts) {
    if (header.descriptor_offset == 0)
        throw RefusedImage("vmdk: descriptorOffset is 0: an extent without its descriptor is not taken");
    const std::uint64_t offset = bytes(header.descriptor_offset, "descriptorOffset");
    const std::uint64_t length = bytes(header.descriptor_size, "descriptorSize");
    if (length == 0 || length > max_descriptor + 1)
        throw RefusedImage("vmdk: descriptorSize is " + text(length) + " bytes; 512 to " + text(max_descriptor + 1) +
                           " can be");
    check_range(offset, length, file.virtual_size(), "vmdk: descriptorOffset: the descriptor");
    std::string content(length, '\0');
    file.read_at(offset, std::as_writable_bytes(std::span(content)));
    const std::size_t end = content.find('\0');
    if (end != std::string::npos) content.resize(end);
    check_descriptor(content, facts);
}

}  // namespace

Image read_header(BlockSource& file, Facts* facts) {
    Image image;
    image.file_size = file.virtual_size();
    SparseHeader header{};
    if (image.file_size < sizeof header)
        throw CorruptImage("vmdk: the file has " + text(image.file_size) + " bytes, its header alone 512");
    file.read_at(0, writable_bytes_of(header));
    check_numbers(header, "header");
    read_descriptor(file, header, facts);
    if (header.directory_offset == directory_at_end) header = read_footer(file, header);

    image.virtual_size = bytes(header.capacity, "capacity");
    image.grain_size = bytes(header.grain_size, "grainSize");
    image.table_entries = header.grain_table_entries;
    image.compressed = header.flags & flag_compressed;
    image.zero_grains = header.flags & flag_zero_grain;
    if (image.virtual_size == 0) throw CorruptImage("vmdk: capacity is 0");
    if (!is_power_of_two(image.grain_size) || image.grain_size < 4096 || image.grain_size > max_grain)
        throw CorruptImage("vmdk: grainSize is " + text(header.grain_size) +
                           " sectors; a power of two from 8 to 4096 can be");
    if (image.table_entries == 0 || image.table_entries > 512)
        throw CorruptImage("vmdk: numGTEsPerGT is " + text(image.table_entries) + "; 1 to 512 can be");
    const std::uint64_t entries = divide_up(image.virtual_size, image.table_span());
    if (entries > max_directory)
        throw RefusedImage("vmdk: capacity " + text(header.capacity) + " needs a directory of " + text(entries) +
                           " entries; " + text(max_directory) + " are the most");
    image.directory_offset = bytes(header.directory_offset, "gdOffset");
    check_range(image.directory_offset, entries * 4, image.file_size, "vmdk: gdOffset: the grain directory");
    if (image.directory_offset == 0) throw CorruptImage("vmdk: gdOffset is 0");
    if (facts) {
        facts->feature("version", text(header.version));
        facts->feature("grain size", text(image.grain_size));
        facts->feature("compressed grains", image.compressed ? "yes" : "no");
        if (header.unclean_shutdown) facts->warnings.push_back("the image was not closed properly (uncleanShutdown)");
    }
    return image;
}

}  // namespace formats::vmdk
