// SPDX-License-Identifier: Apache-2.0
#include "formats/disk/file_disk.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace formats {
namespace {

// A block device has no size in its inode; its end is where seeking ends.
std::uint64_t size_of(const File& file) {
    if (const std::uint64_t size = file.size()) return size;
    const off_t end = ::lseek(file.descriptor(), 0, SEEK_END);
    return end > 0 ? static_cast<std::uint64_t>(end) : 0;
}

}  // namespace

FileDisk::FileDisk(File file) : file_(std::move(file)), size_(size_of(file_)) {}

Extent FileDisk::extent_at(std::uint64_t offset) {
    if (offset < known_.offset || offset >= known_.offset + known_.length) {
        const std::uint64_t data = seek(offset, SEEK_DATA);
        known_ = data > offset ? Extent{offset, data - offset, false}
                               : Extent{offset, seek(offset, SEEK_HOLE) - offset, true};
    }
    return {offset, known_.offset + known_.length - offset, known_.allocated};
}

std::uint64_t FileDisk::seek(std::uint64_t offset, int whence) const {
    const off_t found = ::lseek(file_.descriptor(), static_cast<off_t>(offset), whence);
    if (found >= 0) return std::min(static_cast<std::uint64_t>(found), size_);
    if (errno == ENXIO && size_of(file_) < size_) {
        errno = EIO;  // what is gone must not read as zeroes
        throw std::system_error(errno, std::generic_category(), file_.name() + " became shorter while it was read");
    }
    if (errno == ENXIO) return size_;                                  // no data behind it
    if (errno == EINVAL) return whence == SEEK_DATA ? offset : size_;  // cannot tell
    throw std::system_error(errno, std::generic_category(), "seek " + file_.name());
}

std::shared_ptr<BlockSource> open_file(const std::filesystem::path& path) {
    return std::make_shared<FileDisk>(File::open_read(path));
}

}  // namespace formats
