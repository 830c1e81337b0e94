// SPDX-License-Identifier: Apache-2.0
#pragma once
// A file, a pipe or standard input as a ByteSource.
#include "formats/base/file.hpp"
#include "formats/stream/byte_sink.hpp"

namespace formats {

class FileSource : public ByteSource {
public:
    explicit FileSource(File file) : file_(std::move(file)) {}
    std::size_t read(std::span<std::byte> out) override { return file_.read(out); }

private:
    File file_;
};

}  // namespace formats
