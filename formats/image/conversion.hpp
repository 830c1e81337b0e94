// SPDX-License-Identifier: Apache-2.0
#pragma once
// What stands between an opened image and its outputs, the same for the command and for the service: the machine's
// hardware, whether a scan for zeroes pays, and the checks before the first byte and after the last.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "formats/base/block_source.hpp"
#include "formats/image/open_image.hpp"
#include "formats/image/plan_output.hpp"
#include "formats/machine/hardware.hpp"

namespace formats {

// What a user says of the machine; what is not said is the source's, or the default.
struct HardwareWish {
    std::optional<std::string> name, description;
    std::optional<Mode> mode;
    std::optional<Firmware> firmware;
    std::optional<std::uint32_t> vcpus, network_interfaces;
    std::optional<std::uint64_t> memory_bytes;
    std::optional<bool> is_template, secure_boot;
};

// `first` is the disk it boots from, whose partition table says the firmware when the image does not; `otherwise` is
// the name when neither the image nor the wish has one.
Hardware hardware_of(const OpenedImage& image, BlockSource& first, const HardwareWish& wish,
                     const std::string& otherwise);

// A raw source without one hole says nothing about its zeroes: it is read once to find them.
bool worth_a_scan(const OpenedImage& image);

// The disks that go into the outputs.
struct ChosenDisks {
    std::vector<BlockSource*> disks;
    std::vector<std::unique_ptr<BlockSource>> scanned;  // what `disks` then points to
};
// Disk `number` of the image, from 1 on, or all of them for 0; each scanned for zeroes first if wanted. Throws
// std::invalid_argument for a disk that is not there. REQUIRES: the image outlives them.
ChosenDisks choose_disks(OpenedImage& image, std::uint64_t number, bool scan);

// Throws RefusedImage when the disk has the signature of an image: as a raw file its content would be taken for that
// image, by others if not by us. `how` is what the user can do to have it all the same.
void refuse_nested(const OpenedImage& image, BlockSource& disk, const std::string& output, const std::string& how);

// What we wrote is read as anybody's image is, before it has a name. Throws std::logic_error when it is not these
// disks' size, and what open_image() throws.
void check_written(std::shared_ptr<BlockSource> file, Format format, const std::vector<BlockSource*>& disks);

// The most bytes of a file system that writing this output takes, packed or not; holes take none.
std::uint64_t most_bytes(const OutputKind& kind, const std::vector<BlockSource*>& disks, const Hardware& hardware);

}  // namespace formats
