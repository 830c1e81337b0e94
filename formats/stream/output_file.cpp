// SPDX-License-Identifier: Apache-2.0
#include "formats/stream/output_file.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <system_error>

#include "formats/base/errors.hpp"

namespace formats {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& doing, const fs::path& path) {
    throw std::system_error(errno, std::generic_category(), doing + " " + path.string());
}

fs::path folder_of(const fs::path& path) {
    return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

class DeviceSink : public ByteSink {
public:
    explicit DeviceSink(File file) : file_(std::move(file)) {}
    void write(std::span<const std::byte> bytes) override {
        file_.write_at(position_, bytes);
        position_ += bytes.size();
    }
    void write_zeroes(std::uint64_t count) override {
        std::array<std::uint64_t, 2> range{position_, count};
        if (position_ % 512 == 0 && count % 512 == 0 && ::ioctl(file_.descriptor(), BLKZEROOUT, range.data()) == 0)
            position_ += count;
        else
            ByteSink::write_zeroes(count);
    }
    void finish() override {
        file_.sync();
        file_.close();
    }

private:
    File file_;
    std::uint64_t position_ = 0;
};

}  // namespace

OutputFile::OutputFile(fs::path path, const OutputFileOptions& options) : path_(std::move(path)), options_(options) {
    if (!options_.replace && fs::exists(fs::symlink_status(path_))) {
        errno = EEXIST;
        fail("create", path_);
    }
    const int descriptor = ::open(folder_of(path_).c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);
    if (descriptor >= 0) {
        file_ = File(descriptor, path_.string());
    } else if (errno == EOPNOTSUPP || errno == EISDIR) {
        temporary_ = folder_of(path_) / ("." + path_.filename().string() + ".part-" + std::to_string(::getpid()));
        file_ = File::create(temporary_, 0644, true);
    } else {
        fail("create a file in", folder_of(path_));
    }
}

OutputFile::~OutputFile() {
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void OutputFile::write(std::span<const std::byte> bytes) {
    file_.write_at(size_, bytes);
    size_ += bytes.size();
}

void OutputFile::write_zeroes(std::uint64_t count) {
    size_ += count;
}

bool OutputFile::copy_from(const FilePlace& place) {
    copies_.copy(*place.file, place.offset, place.length, size_);
    size_ += place.length;
    return true;
}

void OutputFile::finish() {
    copies_.wait();
    if (file_.size() != size_) file_.truncate(size_);
    if (options_.sync) file_.sync();
    if (!options_.unnamed) appear();
}

File OutputFile::again() const {
    const int descriptor = ::fcntl(file_.descriptor(), F_DUPFD_CLOEXEC, 0);
    if (descriptor < 0) fail("open again", path_);
    return {descriptor, path_.string()};
}

void OutputFile::appear() {
    if (temporary_.empty()) {
        const std::string open_file = "/proc/self/fd/" + std::to_string(file_.descriptor());
        fs::path name = path_;
        if (options_.replace)
            name = folder_of(path_) / ("." + path_.filename().string() + ".part-" + std::to_string(::getpid()));
        if (::linkat(AT_FDCWD, open_file.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) != 0) fail("name", name);
        if (options_.replace) temporary_ = name;
    }
    file_.close();
    if (!temporary_.empty()) {
        fs::rename(temporary_, path_);
        temporary_.clear();
    }
    if (options_.sync) sync_folder(folder_of(path_));
}

std::unique_ptr<ByteSink> open_device_sink(const fs::path& path, std::uint64_t needed) {
    // O_EXCL on a block device: EBUSY while it is mounted or used by another.
    const int descriptor = ::open(path.c_str(), O_RDWR | O_EXCL | O_CLOEXEC);
    if (descriptor < 0 && errno == EBUSY)
        throw RefusedImage(path.string() + " is mounted or in use; nothing was written");
    if (descriptor < 0) fail("open", path);
    File file(descriptor, path.string());
    std::uint64_t size = 0;
    if (::ioctl(descriptor, BLKGETSIZE64, &size) != 0) fail("get the size of", path);
    if (size < needed)
        throw RefusedImage(path.string() + " has " + std::to_string(size) + " bytes, the disk " +
                           std::to_string(needed) + "; nothing was written");
    return std::make_unique<DeviceSink>(std::move(file));
}

}  // namespace formats
