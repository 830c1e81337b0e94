// SPDX-License-Identifier: Apache-2.0
#include "formats/stream/sinks.hpp"

#include <unistd.h>

namespace formats {

FileSink::FileSink(const std::filesystem::path& path, unsigned mode) : path_(path), file_(File::create(path, mode)) {}

FileSink::~FileSink() {
    if (!finished_) ::unlink(path_.c_str());
}

void FileSink::write(std::span<const std::byte> bytes) {
    file_.write_at(size_, bytes);
    size_ += bytes.size();
    if (!bytes.empty()) hole_at_end_ = false;
}

void FileSink::write_zeroes(std::uint64_t count) {
    size_ += count;
    if (count > 0) hole_at_end_ = true;
}

void FileSink::finish() {
    if (hole_at_end_) file_.truncate(size_);
    file_.sync();
    file_.close();
    finished_ = true;
}

void TeeSink::write(std::span<const std::byte> bytes) {
    first_.write(bytes);
    second_.write(bytes);
}

void TeeSink::write_zeroes(std::uint64_t count) {
    first_.write_zeroes(count);
    second_.write_zeroes(count);
}

void TeeSink::finish() {
    first_.finish();
    second_.finish();
}

void CountingSink::write(std::span<const std::byte> bytes) {
    count_ += bytes.size();
    if (next_) next_->write(bytes);
}

void CountingSink::write_zeroes(std::uint64_t count) {
    count_ += count;
    if (next_) next_->write_zeroes(count);
}

void CountingSink::finish() {
    if (next_) next_->finish();
}

}  // namespace formats
