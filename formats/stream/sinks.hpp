// SPDX-License-Identifier: Apache-2.0
#pragma once
// The plain sinks. Each changes one thing; the pipeline is read where it is built.
#include <cstdint>
#include <filesystem>

#include "formats/base/file.hpp"
#include "formats/stream/byte_sink.hpp"

namespace formats {

// Writes to a new file; finish() syncs and closes it. An unfinished file is deleted again. Zeroes
// given as such become holes.
class FileSink : public ByteSink {
public:
    explicit FileSink(const std::filesystem::path& path, unsigned mode = 0644);
    ~FileSink() override;
    void write(std::span<const std::byte> bytes) override;
    void write_zeroes(std::uint64_t count) override;
    void finish() override;
    std::uint64_t size() const { return size_; }

private:
    std::filesystem::path path_;
    File file_;
    std::uint64_t size_ = 0;
    bool hole_at_end_ = false, finished_ = false;
};

// Everything goes to `first`, then to `second`; both are finished.
class TeeSink : public ByteSink {
public:
    TeeSink(ByteSink& first, ByteSink& second) : first_(first), second_(second) {}
    void write(std::span<const std::byte> bytes) override;
    void write_zeroes(std::uint64_t count) override;
    void finish() override;

private:
    ByteSink &first_, &second_;
};

// Counts, and passes on when there is someone to pass on to.
class CountingSink : public ByteSink {
public:
    explicit CountingSink(ByteSink* next = nullptr) : next_(next) {}
    void write(std::span<const std::byte> bytes) override;
    void write_zeroes(std::uint64_t count) override;
    void finish() override;
    std::uint64_t count() const { return count_; }

private:
    ByteSink* next_;
    std::uint64_t count_ = 0;
};

}  // namespace formats
