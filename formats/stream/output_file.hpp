// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where a conversion's result goes. Nothing appears under the final name before finish(): the file has
// no name until then, so that a failed, interrupted or killed conversion leaves nothing.
#include <filesystem>
#include <memory>

#include "formats/base/file.hpp"
#include "formats/base/file_place.hpp"
#include "formats/stream/byte_sink.hpp"
#include "formats/stream/parallel_copy.hpp"

namespace formats {

struct OutputFileOptions {
    bool replace = false;  // an existing file
    bool sync = false;     // fsync before the name appears
    bool unnamed = false;  // finish() leaves it without a name until appear(): of several outputs all or none are there
};

class OutputFile : public ByteSink, public TakesCopies {
public:
    // Throws std::system_error: no such folder, no room, the file exists.
    OutputFile(std::filesystem::path path, const OutputFileOptions& options);
    ~OutputFile() override;
    void write(std::span<const std::byte> bytes) override;
    void write_zeroes(std::uint64_t count) override;  // a hole
    bool copy_from(const FilePlace& place) override;
    void finish() override;
    // REQUIRES, both: finish() was called, with `unnamed`.
    File again() const;  // the same bytes, to read
    void appear();

private:
    std::filesystem::path path_, temporary_;  // temporary_: where files without a name are not possible
    OutputFileOptions options_;
    File file_;
    std::uint64_t size_ = 0;
    ParallelCopy copies_{file_};
};

// A pipe or standard output.
class PipeSink : public ByteSink {
public:
    explicit PipeSink(File file) : file_(std::move(file)) {}
    void write(std::span<const std::byte> bytes) override { file_.write(bytes); }
    void finish() override {}

private:
    File file_;
};

// A whole block device, from its start; holes are zeroed, by discarding where the device can. Refused when
// it is mounted or otherwise in use, and when it has fewer than `needed` bytes.
std::unique_ptr<ByteSink> open_device_sink(const std::filesystem::path& path, std::uint64_t needed);

}  // namespace formats
