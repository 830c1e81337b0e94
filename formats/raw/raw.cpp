// SPDX-License-Identifier: Apache-2.0
#include "formats/raw/raw.hpp"

#include "formats/base/errors.hpp"
#include "formats/disk/file_disk.hpp"
#include "formats/disk/stream_disk.hpp"
#include "formats/disk/views.hpp"

namespace formats::raw {

std::unique_ptr<BlockSource> open_raw(const std::filesystem::path& path) {
    return open_raw(open_file(path), path.string());
}

std::unique_ptr<BlockSource> open_raw(std::shared_ptr<BlockSource> file, const std::string& name) {
    const std::uint64_t size = file->virtual_size();
    if (size == 0) throw CorruptImage("raw: " + name + " is empty");
    return std::make_unique<SlicedDisk>(std::move(file), 0, size);
}

void write_raw(BlockSource& disk, ByteSink& sink) {
    stream_disk(disk, 0, disk.virtual_size(), sink);
}

}  // namespace formats::raw
