// SPDX-License-Identifier: Apache-2.0
#pragma once
// Compressors as sinks and decompressors as sources. liblzma is a complex interface, zlib and zstd
// are no better: these few calls are all the rest of the code knows of them. The same input, level
// and block size give the same bytes whatever the number of threads.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "formats/stream/byte_sink.hpp"

namespace formats {

enum class Compression { none, gzip, xz, zstd };

std::string_view to_string(Compression compression);  // "xz"
std::optional<Compression> compression_from(std::string_view name);
std::string_view file_ending(Compression compression);  // ".xz", "" for none

struct Levels {
    int lowest, highest, standard;
};
Levels levels(Compression compression);  // xz 0..9, gzip 1..9, zstd 1..19

struct Packing {
    Compression kind = Compression::none;
    std::optional<int> level;
};
// "xz", "xz:6", "none". Throws std::invalid_argument, which says what is wrong without repeating the text.
Packing packing_from(std::string_view text);

// xz: blocks of 16 MiB, each with its size in its header, so that a file can be unpacked in parallel
// and read by range; CRC64. gzip: members of 1 MiB, no name, no time. zstd: frames of 8 MiB (32 MiB from
// level 16 on) with their size, content checksum. All packed side by side. threads 0: one per processor.
// The sink finishes `next`.
// Throws std::invalid_argument for a level out of range.
std::unique_ptr<ByteSink> make_compressor(Compression kind, int level, unsigned threads, ByteSink& next);

// What the first bytes of a stream say; none when they say nothing.
Compression detect_compression(std::span<const std::byte> first_bytes);

// Multi-block xz, multi-member gzip, multi-frame zstd; concatenated streams are read to the end. xz blocks and
// zstd frames are unpacked side by side.
// Throws CorruptImage on damage, on a truncated stream and when more than `limit` bytes come out.
std::unique_ptr<ByteSource> make_decompressor(Compression kind, ByteSource& from, std::uint64_t limit = UINT64_MAX);

}  // namespace formats
