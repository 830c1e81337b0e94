// SPDX-License-Identifier: Apache-2.0
#pragma once
// The three codecs behind compress.hpp, one source file each. For the rules see there.
#include <cstdint>
#include <memory>

#include "formats/stream/byte_sink.hpp"

namespace formats {

std::unique_ptr<ByteSink> make_gzip_sink(int level, unsigned threads, ByteSink& next);
std::unique_ptr<ByteSink> make_xz_sink(int level, unsigned threads, ByteSink& next);
std::unique_ptr<ByteSink> make_zstd_sink(int level, unsigned threads, ByteSink& next);

std::unique_ptr<ByteSource> make_gzip_source(ByteSource& from, std::uint64_t limit);
std::unique_ptr<ByteSource> make_xz_source(ByteSource& from, std::uint64_t limit);
std::unique_ptr<ByteSource> make_zstd_source(ByteSource& from, std::uint64_t limit);

// Counts what comes out of a decompressor, so that a bomb stops at the limit.
class OutputLimit {
public:
    explicit OutputLimit(std::uint64_t limit) : left_(limit), limit_(limit) {}
    void take(std::uint64_t bytes, const char* codec);  // throws CorruptImage past the limit
    std::uint64_t left() const { return left_; }

private:
    std::uint64_t left_, limit_;
};

}  // namespace formats
