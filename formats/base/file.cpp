// SPDX-License-Identifier: Apache-2.0
#include "formats/base/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace formats {
namespace {

[[noreturn]] void fail(const std::string& doing, const std::string& name) {
    throw std::system_error(errno, std::generic_category(), doing + " " + name);
}

}  // namespace

File& File::operator=(File&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(name_, other.name_);
    return *this;
}

File::~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

File File::open_read(const std::filesystem::path& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) fail("open", path.string());
    return {descriptor, path.string()};
}

File File::create(const std::filesystem::path& path, unsigned mode, bool replace) {
    const int flags = O_RDWR | O_CREAT | O_CLOEXEC | (replace ? O_TRUNC : O_EXCL);
    const int descriptor = ::open(path.c_str(), flags, mode);
    if (descriptor < 0) fail("create", path.string());
    return {descriptor, path.string()};
}

std::uint64_t File::size() const {
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0) fail("stat", name_);
    return static_cast<std::uint64_t>(status.st_size);
}

void File::read_at(std::uint64_t offset, std::span<std::byte> out) const {
    while (!out.empty()) {
        const ssize_t got = ::pread(descriptor_, out.data(), out.size(), static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) fail("read", name_);
        if (got == 0) {
            errno = EIO;
            fail("read past the end, at byte " + std::to_string(offset) + ", of", name_);
        }
        offset += static_cast<std::uint64_t>(got);
        out = out.subspan(static_cast<std::size_t>(got));
    }
}

std::size_t File::read(std::span<std::byte> out) const {
    for (;;) {
        const ssize_t got = ::read(descriptor_, out.data(), out.size());
        if (got >= 0) return static_cast<std::size_t>(got);
        if (errno != EINTR) fail("read", name_);
    }
}

void File::write(std::span<const std::byte> bytes) const {
    while (!bytes.empty()) {
        const ssize_t put = ::write(descriptor_, bytes.data(), bytes.size());
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) fail("write", name_);
        bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
}

void File::write_at(std::uint64_t offset, std::span<const std::byte> bytes) const {
    while (!bytes.empty()) {
        const ssize_t put = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) fail("write", name_);
        offset += static_cast<std::uint64_t>(put);
        bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
}

void File::truncate(std::uint64_t size) const {
    if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) fail("resize", name_);
}

void File::sync() const {
    if (::fsync(descriptor_) != 0 && errno != EINVAL && errno != EROFS) fail("sync", name_);
}

void File::close() {
    if (descriptor_ >= 0 && ::close(std::exchange(descriptor_, -1)) != 0) fail("close", name_);
}

void sync_folder(const std::filesystem::path& folder) {
    File::open_read(folder).sync();
}

}  // namespace formats
