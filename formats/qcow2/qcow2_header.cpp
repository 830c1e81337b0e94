// SPDX-License-Identifier: Apache-2.0
#include "formats/qcow2/qcow2_header.hpp"

#include <algorithm>
#include <string>

#include "formats/base/checked.hpp"
#include "formats/base/errors.hpp"

namespace formats::qcow2 {
namespace {

constexpr std::uint64_t max_l1 = std::uint64_t{32} << 20;             // bytes; qemu's limits
constexpr std::uint64_t max_refcount_table = std::uint64_t{8} << 20;  // bytes
constexpr std::uint32_t max_snapshots = 65536;
constexpr std::uint64_t smallest_snapshot = 40;  // bytes of a snapshot's fixed fields
constexpr std::uint32_t extension_end = 0, backing_format = 0xE2792ACA, data_file_name = 0x44415441,
                        crypto_header = 0x0537be77, bitmaps = 0x23852875;

std::string text(std::uint64_t value) {
    return std::to_string(value);
}

void refuse_features(const Header& header) {
    if (header.backing_file_offset != 0)
        throw RefusedImage("qcow2: backing_file_offset is " + text(header.backing_file_offset) +
                           ": an image with a backing file is not taken; flatten it first (qemu-img convert)");
    if (header.crypt_method != 0)
        throw RefusedImage("qcow2: crypt_method is " + text(header.crypt_method) + ": encrypted images are not taken");
    if (header.version < 3) return;
    const std::uint64_t bits = header.incompatible_features;
    if (bits & incompatible::data_file)
        throw RefusedImage("qcow2: incompatible_features bit 2 is set: an external data file is not followed");
    if (bits & incompatible::corrupt)
        throw RefusedImage("qcow2: incompatible_features bit 1 is set: the image is marked corrupt; qemu-img check it");
    if (const std::uint64_t unknown = bits & ~std::uint64_t{31})
        throw RefusedImage("qcow2: incompatible_features has unknown bits " + text(unknown));
}

void check_extensions(BlockSource& file, std::uint64_t offset, std::uint64_t end, Facts* facts) {
    struct Extension {
        be32 type, length;
    } extension{};
    while (offset + sizeof extension <= end) {
        file.read_at(offset, writable_bytes_of(extension));
        offset += sizeof extension;
        const std::uint32_t type = extension.type;
        if (type == extension_end) return;
        if (extension.length > end - offset)
            throw CorruptImage("qcow2: header extension " + text(type) + " of " + text(extension.length) +
                               " bytes leaves the header's cluster");
        if (type == data_file_name)
            throw RefusedImage("qcow2: header extension 0x44415441: an external data file's name is not taken");
        if (type == backing_format)
            throw RefusedImage("qcow2: header extension 0xE2792ACA: a backing file's format is not taken");
        if (type == crypto_header)
            throw RefusedImage("qcow2: header extension 0x0537be77: encrypted images are not taken");
        if (type == bitmaps && facts) facts->warnings.push_back("dirty bitmaps are in the image; they are not kept");
        offset += round_up(extension.length, 8);
    }
}

void check_table(const char* name, std::uint64_t offset, std::uint64_t bytes, const Image& image) {
    if (offset % image.cluster_size() != 0 || (offset == 0 && bytes != 0))
        throw CorruptImage(std::string("qcow2: ") + name + " is " + text(offset) + ", not a cluster boundary (" +
                           text(image.cluster_size()) + ") after the header");
    check_range(offset, bytes, image.file_size, std::string("qcow2: ") + name);
}

void check_version_3(const Header& header, Image& image) {
    if (header.header_length < v3_header_size || header.header_length % 8 != 0 ||
        header.header_length > image.cluster_size())
        throw CorruptImage("qcow2: header_length is " + text(header.header_length) +
                           "; a multiple of 8 from 104 to the cluster size can be");
    if (header.refcount_order > 6)
        throw CorruptImage("qcow2: refcount_order is " + text(header.refcount_order) + ", 6 is the most");
    image.refcount_bits = 1U << header.refcount_order;
    const std::uint64_t bits = header.incompatible_features;
    image.dirty = bits & incompatible::dirty;
    image.extended_l2 = bits & incompatible::extended_l2;
    const unsigned type = header.header_length > v3_header_size ? header.compression_type : 0;
    if (type > 1) throw RefusedImage("qcow2: compression_type is " + text(type) + "; 0 (zlib) and 1 (zstd) are known");
    if ((type != 0) != ((bits & incompatible::compression) != 0))
        throw CorruptImage("qcow2: compression_type " + text(type) + " contradicts incompatible_features bit 3");
    image.zstd = type == 1;
    if (image.extended_l2 && image.cluster_bits < 14)
        throw CorruptImage("qcow2: cluster_bits is " + text(image.cluster_bits) + "; extended L2 needs 14");
}

void tell(const Header& header, const Image& image, Facts& facts) {
    facts.feature("version", text(image.version));
    facts.feature("cluster size", text(image.cluster_size()));
    facts.feature("refcount width", text(image.refcount_bits) + " bits");
    facts.feature("compression type", image.zstd ? "zstd" : "zlib");
    if (image.extended_l2) facts.feature("extended L2", "yes");
    if (image.version >= 3 && header.compatible_features & 1) facts.feature("lazy refcounts", "yes");
    if (image.snapshot_count > 0) {
        facts.feature("internal snapshots", text(image.snapshot_count));
        facts.warnings.push_back("internal snapshots are in the image; only the current state is read");
    }
    if (image.dirty)
        facts.warnings.push_back("the image was not closed properly (dirty bit): its refcounts may be stale");
}

}  // namespace

Image read_header(BlockSource& file, Facts* facts) {
    Image image;
    image.file_size = file.virtual_size();
    Header header{};
    if (image.file_size < v2_header_size)
        throw CorruptImage("qcow2: the file has " + text(image.file_size) + " bytes, its header alone 72");
    file.read_at(0, writable_bytes_of(header).first(std::min<std::uint64_t>(sizeof header, image.file_size)));
    if (header.magic != magic) throw CorruptImage("qcow2: magic is not \"QFI\\xfb\"");
    image.version = header.version;
    if (image.version != 2 && image.version != 3)
        throw RefusedImage("qcow2: version is " + text(image.version) + "; 2 and 3 are known");
    refuse_features(header);
    image.cluster_bits = header.cluster_bits;
    if (image.cluster_bits < 9 || image.cluster_bits > 21)
        throw CorruptImage("qcow2: cluster_bits is " + text(image.cluster_bits) + "; 9 to 21 can be");
    std::uint64_t header_length = v2_header_size;
    if (image.version == 3) {
        check_version_3(header, image);
        header_length = header.header_length;
    }
    check_range(0, header_length, image.file_size, "qcow2: the header");

    image.virtual_size = header.size;
    if (image.virtual_size == 0) throw CorruptImage("qcow2: size is 0");
    image.l1_offset = header.l1_table_offset;
    image.l1_size = header.l1_size;
    const std::uint64_t needed = divide_up(image.virtual_size, image.l2_span());
    if (image.l1_size * 8 > max_l1 || needed * 8 > max_l1)
        throw RefusedImage("qcow2: l1_size is " + text(image.l1_size) + " for a disk of " + text(image.virtual_size) +
                           " bytes; " + text(max_l1 / 8) + " entries are the most");
    if (image.l1_size < needed)
        throw CorruptImage("qcow2: l1_size is " + text(image.l1_size) + ", a disk of " + text(image.virtual_size) +
                           " bytes needs " + text(needed));
    check_table("l1_table_offset", image.l1_offset, image.l1_size * 8, image);

    image.refcount_table_offset = header.refcount_table_offset;
    image.refcount_table_clusters = header.refcount_table_clusters;
    const std::uint64_t refcount_bytes = image.refcount_table_clusters << image.cluster_bits;
    if (image.refcount_table_clusters == 0 || refcount_bytes > max_refcount_table)
        throw RefusedImage("qcow2: refcount_table_clusters is " + text(image.refcount_table_clusters) + "; 1 to " +
                           text(max_refcount_table >> image.cluster_bits) + " can be");
    check_table("refcount_table_offset", image.refcount_table_offset, refcount_bytes, image);

    image.snapshot_count = header.nb_snapshots;
    image.snapshots_offset = header.snapshots_offset;
    if (image.snapshot_count > max_snapshots)
        throw RefusedImage("qcow2: nb_snapshots is " + text(image.snapshot_count) + "; " + text(max_snapshots) +
                           " are the most");
    if (image.snapshot_count > 0)
        check_table("snapshots_offset", image.snapshots_offset, image.snapshot_count * smallest_snapshot, image);
    check_extensions(file, header_length, std::min(image.cluster_size(), image.file_size), facts);
    if (facts) tell(header, image, *facts);
    return image;
}

}  // namespace formats::qcow2
