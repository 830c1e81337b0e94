// SPDX-License-Identifier: Apache-2.0
#include "formats/raw/raw.hpp"

#include "formats/base/errors.hpp"
#include "formats/disk/file_disk.hpp"
#include "formats/disk/views.hpp"

namespace formats::raw {
namespace {

class RawOutput : public RangedOutput {
public:
    explicit RawOutput(BlockSource& disk) : disk_(disk) {}
    std::uint64_t size() const override { return disk_.virtual_size(); }

private:
    Piece piece_at(std::uint64_t offset) const override { return {size() - offset, &disk_, offset}; }
    void make(std::uint64_t, std::span<std::byte>) const override {}  // there is nothing to make

    BlockSource& disk_;
};

}  // namespace

std::unique_ptr<BlockSource> open_raw(const std::filesystem::path& path) {
    return open_raw(open_file(path), path.string());
}

std::unique_ptr<BlockSource> open_raw(std::shared_ptr<BlockSource> file, const std::string& name) {
    const std::uint64_t size = file->virtual_size();
    if (size == 0) throw CorruptImage("raw: " + name + " is empty");
    return std::make_unique<SlicedDisk>(std::move(file), 0, size);
}

void write_raw(BlockSource& disk, ByteSink& sink) {
    RawOutput(disk).write(sink);
}

std::unique_ptr<RangedOutput> raw_output(BlockSource& disk) {
    return std::make_unique<RawOutput>(disk);
}

}  // namespace formats::raw
