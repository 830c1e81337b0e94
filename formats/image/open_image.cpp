// SPDX-License-Identifier: Apache-2.0
#include "formats/image/open_image.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "formats/base/errors.hpp"
#include "formats/disk/disk_stream.hpp"
#include "formats/disk/file_disk.hpp"
#include "formats/disk/partition_table.hpp"
#include "formats/disk/spool.hpp"
#include "formats/ova/ova.hpp"
#include "formats/qcow2/qcow2.hpp"
#include "formats/raw/raw.hpp"
#include "formats/stream/ahead_source.hpp"
#include "formats/stream/file_source.hpp"
#include "formats/stream/packed_blocks.hpp"
#include "formats/vhd/vhd.hpp"
#include "formats/vmdk/vmdk.hpp"
#include "formats/xva/xva_disks.hpp"
#include "formats/xva/xva_forward.hpp"

namespace formats {
namespace {

Compression packing_of(BlockSource& file) {
    std::array<std::byte, 16> first{};
    const std::size_t count = std::min<std::uint64_t>(first.size(), file.virtual_size());
    file.read_at(0, std::span(first).first(count));
    return detect_compression(std::span(first).first(count));
}

bool ends_with_packing(const std::string& name) {
    return name.ends_with(".xz") || name.ends_with(".gz") || name.ends_with(".zst");
}

void unpack_into_spool(OpenedImage& image, const std::shared_ptr<BlockSource>& packed, const OpenOptions& options) {
    DiskStream stream(*packed);
    const auto plain = make_decompressor(image.packing, stream, options.max_virtual_size);
    AheadSource ahead(*plain);
    image.file = spool(ahead, options.spool_folder, options.max_virtual_size);
    image.spooled = true;
}

// Formats whose tables say where the data is can be read through a packed file's index. The others would be
// unpacked twice, once to find the data and once to read it: a spool is faster, and knows their zeroes.
bool has_tables(Format format) {
    return format == Format::qcow2 || format == Format::vhd || format == Format::vmdk;
}

std::string how_to_force(const std::string& name) {
    return "; if " + name + " really is a raw disk, type --from raw --force";
}

// Exactly one format matches, and it is the declared one.
Format decide(std::optional<Format> content, const std::string& name, const OpenOptions& options) {
    const std::optional<Format> declared = options.declared ? options.declared : format_by_ending(name);
    if (!content && !declared)
        throw RefusedImage(name + ": no known format matches, and nothing says that it is a raw disk" +
                           "; if it is one, type --from raw");
    if (!content && declared != Format::raw)
        throw RefusedImage(name + ": taken for " + std::string(to_string(*declared)) +
                           ", but the content has no such signature");
    if (content && declared && content != declared)
        throw RefusedImage(name + ": taken for " + std::string(to_string(*declared)) + " by its " +
                           (options.declared ? "declaration" : "name") + ", but the content is " +
                           std::string(to_string(*content)) + ": type --from " + std::string(to_string(*content)) +
                           (declared == Format::raw ? " for the disk in it, or --from raw --force for its bytes" : ""));
    return content ? *content : Format::raw;
}

Format decide(BlockSource& file, const std::string& name, const OpenOptions& options) {
    if (options.force_raw) return Format::raw;
    std::optional<Format> content;
    try {
        content = detect_format(file);
    } catch (const RefusedImage& error) {
        throw RefusedImage(name + ": " + error.what() + how_to_force(name));
    }
    return decide(content, name, options);
}

void open_disks(OpenedImage& image, const std::string& name, const OpenOptions& options) {
    switch (image.format) {
        case Format::raw:
            image.disks.push_back({"", raw::open_raw(image.file, name)});
            break;
        case Format::qcow2:
            image.disks.push_back({"", qcow2::open_qcow2(image.file, &image.facts)});
            break;
        case Format::vhd:
            image.disks.push_back({"", vhd::open_vhd(image.file, &image.facts)});
            break;
        case Format::vmdk:
            image.disks.push_back({"", vmdk::open_vmdk(image.file, &image.facts)});
            break;
        case Format::xva: {
            xva::XvaImage archive = xva::open_xva(image.file, &image.facts);
            for (std::size_t i = 0; i < archive.disks.size(); ++i)
                image.disks.push_back({archive.references[i], std::move(archive.disks[i])});
            image.hardware = archive.hardware;
            break;
        }
        case Format::ova: {
            ova::OvaImage archive = ova::open_ova(image.file, &image.facts, options.verify_manifest);
            for (std::size_t i = 0; i < archive.disks.size(); ++i)
                image.disks.push_back({archive.names[i], std::move(archive.disks[i])});
            image.hardware = archive.hardware;
            break;
        }
    }
}

void open_plain(OpenedImage& image, const std::string& name, const OpenOptions& options) {
    image.format = decide(*image.file, name, options);
    open_disks(image, name, options);
    if (image.format != Format::raw || options.force_raw) return;
    const std::vector<std::string> problems = partition_table_problems(*image.disks.front().source);
    if (!problems.empty()) throw RefusedImage(name + ": " + problems.front() + how_to_force(name));
}

void check_sizes(const OpenedImage& image, const std::string& name, const OpenOptions& options) {
    for (const OpenedDisk& disk : image.disks)
        if (disk.source->virtual_size() > options.max_virtual_size)
            throw RefusedImage(name + ": the disk has " + std::to_string(disk.source->virtual_size()) +
                               " bytes, more than the limit of " + std::to_string(options.max_virtual_size));
}

class OwningStream : public DiskStream {
public:
    explicit OwningStream(std::shared_ptr<BlockSource> file) : DiskStream(*file), file_(std::move(file)) {}

private:
    std::shared_ptr<BlockSource> file_;
};

// A stream with all that it is read through.
struct Stream : ByteSource {
    Stream(std::unique_ptr<ByteSource> source, std::uint64_t limit) : from(std::move(source)) {
        packing = detect_compression(peeked.first());
        unpacked = make_decompressor(packing, peeked, limit);
        ahead = std::make_unique<AheadSource>(*unpacked);
        plain = std::make_unique<PeekedSource>(*ahead, signature_bytes);
    }
    std::size_t read(std::span<std::byte> out) override { return plain->read(out); }

    std::unique_ptr<ByteSource> from;
    PeekedSource peeked{*from, 16};
    Compression packing = Compression::none;
    std::unique_ptr<ByteSource> unpacked, ahead;
    std::unique_ptr<PeekedSource> plain;
};

bool is_xva(const Stream& stream) {
    const std::vector<std::string> found = signatures_of(stream.plain->first());
    return found.size() == 1 && found.front() == to_string(Format::xva);
}

void open_forward(OpenedImage& image, std::unique_ptr<Stream> stream, const std::string& name,
                  const OpenOptions& options) {
    image.format = decide(Format::xva, name, options);
    image.packing = stream->packing;
    image.forward = true;
    xva::XvaImage archive = xva::open_xva_forward(std::move(stream));
    for (std::size_t i = 0; i < archive.disks.size(); ++i)
        image.disks.push_back({archive.references[i], std::move(archive.disks[i])});
    image.hardware = archive.hardware;
}

// A pipe can be read only once; most formats need more.
OpenedImage open_pipe(File file, const OpenOptions& options) {
    OpenedImage image;
    const std::string name = file.name();
    auto from = std::make_unique<FileSource>(std::move(file));
    if (options.forward && !options.force_raw) {
        auto stream = std::make_unique<Stream>(std::move(from), options.max_virtual_size);
        if (is_xva(*stream)) {
            open_forward(image, std::move(stream), name, options);
        } else {
            image.packing = stream->packing;
            image.file = spool(*stream, options.spool_folder, options.max_virtual_size);
            image.file_size = image.file->virtual_size();
            if (image.file_size == 0) throw CorruptImage(name + ": the file is empty");
            open_plain(image, name, options);
            image.spooled = true;
        }
        check_sizes(image, name, options);
        return image;
    }
    image = open_image(spool(*from, options.spool_folder, options.max_virtual_size), name, options);
    image.spooled = true;
    return image;
}

}  // namespace

OpenedImage open_image(std::shared_ptr<BlockSource> file, const std::string& name, const OpenOptions& options) {
    OpenedImage image;
    image.file_size = file->virtual_size();
    image.file = std::move(file);
    if (image.file_size == 0) throw CorruptImage(name + ": the file is empty");
    image.packing = options.force_raw ? Compression::none : packing_of(*image.file);
    if (image.packing != Compression::none) {
        const auto declared = options.declared ? options.declared : format_by_ending(name);
        if (declared == Format::raw && !ends_with_packing(name) && name != "standard input")
            throw RefusedImage(name + ": taken for raw, but the content is packed with " +
                               std::string(to_string(image.packing)) + ": name it so (." +
                               std::string(file_ending(image.packing)).substr(1) + "), or type --from raw --force");
        const std::shared_ptr<BlockSource> packed = image.file;
        if (options.forward) {
            auto stream = std::make_unique<Stream>(std::make_unique<OwningStream>(packed), options.max_virtual_size);
            if (is_xva(*stream)) {
                open_forward(image, std::move(stream), name, options);
                check_sizes(image, name, options);
                return image;
            }
        }
        if (auto blocks = open_blocks(image.packing, packed, options.max_virtual_size)) image.file = std::move(blocks);
        if (image.file == packed || !has_tables(decide(*image.file, name, options)))
            unpack_into_spool(image, packed, options);
    }
    open_plain(image, name, options);
    check_sizes(image, name, options);
    return image;
}

OpenedImage open_image(const std::filesystem::path& path, const OpenOptions& options) {
    File file = path == "-" ? File(0, "standard input") : File::open_read(path);
    struct stat status {};
    ::fstat(file.descriptor(), &status);
    if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode)) return open_pipe(std::move(file), options);
    const std::string name = file.name();
    return open_image(std::make_shared<FileDisk>(std::move(file)), name, options);
}

}  // namespace formats
