// SPDX-License-Identifier: Apache-2.0
#pragma once
// Any image, packed or not, as its disks. The checks that stand before the first byte is trusted are
// here: exactly one format matches, and it is the declared one; then the format's own reader checks
// every field. The rules: docs/formats/detection.md.
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "formats/base/block_source.hpp"
#include "formats/disk/facts.hpp"
#include "formats/image/detect_format.hpp"
#include "formats/machine/hardware.hpp"
#include "formats/stream/compress.hpp"

namespace formats {

struct OpenOptions {
    std::optional<Format> declared;  // by the user; else by the ending of the name
    bool force_raw = false;          // raw whatever the content says. REQUIRES: declared is raw
    std::uint64_t max_virtual_size = std::uint64_t{64} << 40;  // also of what a packed file unpacks to
    std::filesystem::path spool_folder = "/var/tmp";
    // One disk will be read once, in rising order: an XVA that is packed or comes through a pipe needs no spool.
    bool forward = false;
    bool verify_manifest = true;  // OVA: reads the whole archive once more
};

struct OpenedDisk {
    std::string name;  // what the image calls it: "Ref:1000", "system.vmdk"; else empty
    std::unique_ptr<BlockSource> source;
};

struct OpenedImage {
    Format format = Format::raw;
    Compression packing = Compression::none;
    bool spooled = false;               // unpacked, or copied, into a file without a name
    bool forward = false;               // its disks can be read once, in rising order
    std::uint64_t file_size = 0;        // of the packed file, when it is packed
    std::shared_ptr<BlockSource> file;  // unpacked
    std::vector<OpenedDisk> disks;
    std::optional<Hardware> hardware;
    Facts facts;
};

// `path` "-" is standard input, which is spooled unless it can be read forward. Throws RefusedImage, CorruptImage,
// std::system_error.
OpenedImage open_image(const std::filesystem::path& path, const OpenOptions& options = {});

// `name` is for messages and, by its ending, a declaration.
OpenedImage open_image(std::shared_ptr<BlockSource> file, const std::string& name, const OpenOptions& options = {});

}  // namespace formats
