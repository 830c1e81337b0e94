// SPDX-License-Identifier: Apache-2.0
#pragma once
// A file's own bytes as a BlockSource: what every reader of a format reads from, and what a raw
// image is. Holes of a sparse file are extents not allocated (lseek SEEK_DATA / SEEK_HOLE).
#include <filesystem>
#include <memory>

#include "formats/base/block_source.hpp"
#include "formats/base/file.hpp"
#include "formats/base/file_place.hpp"

namespace formats {

class FileDisk : public BlockSource, public HasFilePlaces {
public:
    explicit FileDisk(File file);  // a regular file or a block device
    std::uint64_t virtual_size() const override { return size_; }
    Extent extent_at(std::uint64_t offset) override;
    void read_at(std::uint64_t offset, std::span<std::byte> out) override { file_.read_at(offset, out); }
    std::optional<FilePlace> place_at(std::uint64_t offset) override {
        return FilePlace{&file_, offset, size_ - offset};
    }

private:
    std::uint64_t seek(std::uint64_t offset, int whence) const;

    File file_;
    std::uint64_t size_;
    Extent known_{0, 0, false};  // the last answer: asking the kernel twice for it would cost two calls
};

std::shared_ptr<BlockSource> open_file(const std::filesystem::path& path);

}  // namespace formats
