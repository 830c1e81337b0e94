// SPDX-License-Identifier: Apache-2.0
#include "formats/image/conversion.hpp"

#include <algorithm>
#include <stdexcept>

#include "formats/base/errors.hpp"
#include "formats/disk/scanned_disk.hpp"
#include "formats/machine/boot_firmware.hpp"

namespace formats {
namespace {

template <class T, class U>
void prefer(T& into, const std::optional<U>& from) {
    if (from) into = *from;
}

}  // namespace

Hardware hardware_of(const OpenedImage& image, BlockSource& first, const HardwareWish& wish,
                     const std::string& otherwise) {
    Hardware hardware = image.hardware.value_or(Hardware{});
    if (!image.hardware) hardware.firmware = boot_firmware(first);
    prefer(hardware.name, wish.name);
    if (hardware.name.empty()) hardware.name = otherwise;
    prefer(hardware.description, wish.description);
    prefer(hardware.mode, wish.mode);
    prefer(hardware.firmware, wish.firmware);
    prefer(hardware.vcpus, wish.vcpus);
    prefer(hardware.network_interfaces, wish.network_interfaces);
    prefer(hardware.memory_bytes, wish.memory_bytes);
    prefer(hardware.is_template, wish.is_template);
    prefer(hardware.secure_boot, wish.secure_boot);
    return hardware;
}

bool worth_a_scan(const OpenedImage& image) {
    if (image.format != Format::raw) return false;
    BlockSource& disk = *image.disks.front().source;
    const Extent first = disk.extent_at(0);
    return first.allocated && first.length == disk.virtual_size();
}

ChosenDisks choose_disks(OpenedImage& image, std::uint64_t number, bool scan) {
    if (number > image.disks.size())
        throw std::invalid_argument("disk " + std::to_string(number) + ": the source has " +
                                    std::to_string(image.disks.size()));
    ChosenDisks chosen;
    for (std::size_t i = 0; i < image.disks.size(); ++i) {
        if (number != 0 && number != i + 1) continue;
        BlockSource* disk = image.disks[i].source.get();
        if (scan) disk = chosen.scanned.emplace_back(std::make_unique<ScannedDisk>(*disk)).get();
        chosen.disks.push_back(disk);
    }
    return chosen;
}

void refuse_nested(const OpenedImage& image, BlockSource& disk, const std::string& output, const std::string& how) {
    std::vector<std::byte> first(std::min<std::uint64_t>(signature_bytes, disk.virtual_size()));
    disk.read_at(0, first);
    const std::vector<std::string> found = image.forward ? signatures_of(first) : signatures_of(disk);
    if (!found.empty())
        throw RefusedImage(output + ": the disk itself has the signature of " + found.front() +
                           ", a raw file of it would be taken for that: " + how);
}

void check_written(std::shared_ptr<BlockSource> file, Format format, const std::vector<BlockSource*>& disks) {
    OpenOptions options;
    options.declared = format;
    const OpenedImage image = open_image(std::move(file), "the output just written", options);
    if (image.disks.size() != disks.size())
        throw std::logic_error("the output just written has " + std::to_string(image.disks.size()) +
                               " disks instead of " + std::to_string(disks.size()));
    for (std::size_t i = 0; i < disks.size(); ++i)
        if (image.disks[i].source->virtual_size() < disks[i]->virtual_size())
            throw std::logic_error("the output just written has a disk of " +
                                   std::to_string(image.disks[i].source->virtual_size()) + " bytes instead of " +
                                   std::to_string(disks[i]->virtual_size()));
}

std::uint64_t most_bytes(const OutputKind& kind, const std::vector<BlockSource*>& disks, const Hardware& hardware) {
    constexpr std::uint64_t tables = std::uint64_t{1} << 20;
    if (kind.format == Format::raw || kind.fixed) {
        std::uint64_t bytes = tables;
        for (BlockSource* disk : disks) bytes += allocated_bytes(*disk);
        return bytes;
    }
    OutputKind plain = kind;
    plain.clusters = Compression::none;  // a packed cluster is never larger
    const std::uint64_t size = plan_output(plain, disks, hardware)->file_size();
    return size + size / 64 + tables;  // what does not pack grows by less than this
}

}  // namespace formats
