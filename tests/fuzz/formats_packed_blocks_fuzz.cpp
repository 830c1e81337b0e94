// SPDX-License-Identifier: Apache-2.0
// Any bytes as a packed file of xz, gzip or zstd, as its first bytes say: read through its index and unpacked as a
// stream. Where both get through, they give the same.
#include "formats/stream/packed_blocks.hpp"
#include "tests/fuzz/read_disk.hpp"
#include "tests/support/memory.hpp"

namespace {

constexpr std::uint64_t limit = 1 << 20;

std::optional<std::vector<std::byte>> streamed(formats::Compression packing, std::span<const std::byte> file) {
    support::MemorySource source({file.begin(), file.end()}, 4096);
    try {
        return support::all_of(*formats::make_decompressor(packing, source, limit));
    } catch (const formats::CorruptImage&) {
        return std::nullopt;
    }
}

std::optional<std::vector<std::byte>> from_blocks(formats::Compression packing, std::span<const std::byte> file) {
    try {
        const auto blocks = formats::open_blocks(
            packing, std::make_shared<support::MemoryFile>(std::vector(file.begin(), file.end())), limit);
        if (!blocks) return std::nullopt;
        std::vector<std::byte> bytes(blocks->virtual_size());
        blocks->read_at(0, bytes);
        return bytes;
    } catch (const formats::CorruptImage&) {
        return std::nullopt;
    } catch (const formats::RefusedImage&) {
        return std::nullopt;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const auto file = std::as_bytes(std::span(data, size));
    const auto packing = formats::detect_compression(file);
    if (packing == formats::Compression::none) return 0;
    const auto a = streamed(packing, file), b = from_blocks(packing, file);
    if (a && b && *a != *b) std::abort();
    return fuzz::read_image(data, size,
                            [&](auto disk) { return formats::open_blocks(packing, std::move(disk), limit); });
}
