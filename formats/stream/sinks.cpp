// SPDX-License-Identifier: Apache-2.0
#include "formats/stream/sinks.hpp"

#include <unistd.h>

namespace formats {

FileSink::FileSink(const std::filesystem::path& path, unsigned mode) : path_(path), file_(File::create(path, mode)) {}

FileSink::~FileSink() {
    if (!finished_) ::unlink(path_.c_str());
}

void FileSink::write(std::span<const std::byte> bytes) {
    file_.write(bytes);
    size_ += bytes.size();
}

void FileSink::finish() {
    file_.sync();
    file_.close();
    finished_ = true;
}

void TeeSink::write(std::span<const std::byte> bytes) {
    first_.write(bytes);
    second_.write(bytes);
}

void TeeSink::finish() {
    first_.finish();
    second_.finish();
}

void CountingSink::write(std::span<const std::byte> bytes) {
    count_ += bytes.size();
    if (next_) next_->write(bytes);
}

void CountingSink::finish() {
    if (next_) next_->finish();
}

}  // namespace formats
