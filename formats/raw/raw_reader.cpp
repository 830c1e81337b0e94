// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "formats/base/errors.hpp"
#include "formats/base/file.hpp"
#include "formats/raw/raw.hpp"

namespace formats::raw {
namespace {

class RawDisk : public BlockSource {
public:
    explicit RawDisk(File file) : file_(std::move(file)), size_(file_.size()) {
        if (size_ == 0) throw CorruptImage("raw: " + file_.name() + " is empty");
    }

    std::uint64_t virtual_size() const override { return size_; }

    Extent extent_at(std::uint64_t offset) override {
        const std::uint64_t data = seek(offset, SEEK_DATA);
        if (data > offset) return {offset, data - offset, false};
        return {offset, seek(offset, SEEK_HOLE) - offset, true};
    }

    void read_at(std::uint64_t offset, std::span<std::byte> out) override { file_.read_at(offset, out); }

private:
    std::uint64_t seek(std::uint64_t offset, int whence) const {
        const off_t found = ::lseek(file_.descriptor(), static_cast<off_t>(offset), whence);
        if (found >= 0) return std::min(static_cast<std::uint64_t>(found), size_);
        if (errno == ENXIO) return size_;                                  // no data behind it
        if (errno == EINVAL) return whence == SEEK_DATA ? offset : size_;  // cannot tell
        throw std::system_error(errno, std::generic_category(), "seek " + file_.name());
    }

    File file_;
    std::uint64_t size_;
};

}  // namespace

std::unique_ptr<BlockSource> open_raw(const std::filesystem::path& path) {
    return std::make_unique<RawDisk>(File::open_read(path));
}

}  // namespace formats::raw
