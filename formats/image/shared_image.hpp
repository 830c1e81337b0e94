// SPDX-License-Identifier: Apache-2.0
#pragma once
// A stored image for many readers at once: nothing is unpacked to a file, what is packed in blocks is
// read through a cache. What the disks say of their extents follows from the content alone, so that the
// same image gives the same layouts on every machine.
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "formats/base/block_source.hpp"
#include "formats/base/errors.hpp"
#include "formats/image/detect_format.hpp"
#include "formats/machine/hardware.hpp"
#include "formats/stream/block_cache.hpp"
#include "formats/stream/compress.hpp"

namespace formats {

// It is packed in a way that can only be unpacked from its beginning.
class NotReadableAnywhere : public RefusedImage {
    using RefusedImage::RefusedImage;
};

struct SharedImage {
    // read_at() is thread-safe and may throw NotYet; extent_at() is neither.
    std::vector<std::shared_ptr<BlockSource>> disks;
    std::optional<Hardware> hardware;
};

// The file's bytes, unpacked. Throws NotReadableAnywhere, CorruptImage.
std::shared_ptr<BlockSource> open_shared_file(std::shared_ptr<BlockSource> file, Compression packing,
                                              std::shared_ptr<BlockCache> cache);

struct SharedOptions {
    Format format = Format::raw;
    Compression packing = Compression::none;  // of what `file` was unpacked from
    bool extents = true;  // false: nobody will ask for them, so a raw disk need not be read to find its zeroes
};
// `file` is what open_shared_file() gave. Waits for its turns; an XVA is walked through once, and a disk without
// holes read once. `stop` ends it with std::runtime_error. Throws CorruptImage, RefusedImage.
SharedImage open_shared(std::shared_ptr<BlockSource> file, const SharedOptions& options, std::stop_token stop = {});

}  // namespace formats
