// SPDX-License-Identifier: Apache-2.0
#include "builders/readiness/kernel_image.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "formats/stream/compress.hpp"

namespace builders::readiness {
namespace {

using Bytes = std::span<const std::byte>;
constexpr std::uint64_t most_unpacked = std::uint64_t{256} << 20;

static_assert(std::endian::native == std::endian::little, "kernel headers are little-endian and read as they are");

template <class T>
T number(Bytes bytes, std::uint64_t at, const char* field) {
    if (at > bytes.size() || bytes.size() - at < sizeof(T))
        throw std::runtime_error(std::string("the kernel image ends before its ") + field);
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

Bytes part(Bytes bytes, std::uint64_t at, std::uint64_t size, const char* what) {
    if (at > bytes.size() || size > bytes.size() - at)
        throw std::runtime_error(std::string("the kernel image's ") + what + " lies outside of it");
    return bytes.subspan(at, size);
}

class SpanSource : public formats::ByteSource {
public:
    explicit SpanSource(Bytes rest) : rest_(rest) {}
    std::size_t read(std::span<std::byte> out) override {
        const std::size_t size = std::min(out.size(), rest_.size());
        std::copy_n(rest_.begin(), size, out.begin());
        rest_ = rest_.subspan(size);
        return size;
    }

private:
    Bytes rest_;
};

std::vector<std::byte> vmlinux_of(Bytes image) {
    if (number<std::uint32_t>(image, 0x202, "header") != 0x53726448) throw std::runtime_error("not a bzImage");
    const std::uint64_t setup_sectors =
        std::max(1U, static_cast<unsigned>(number<std::uint8_t>(image, 0x1f1, "setup")));
    const std::uint64_t code = (setup_sectors + 1) * 512;
    const auto offset = number<std::uint32_t>(image, 0x248, "payload_offset");
    auto length = number<std::uint32_t>(image, 0x24c, "payload_length");
    const formats::Compression kind = formats::detect_compression(part(image, code + offset, length, "payload"));
    if (kind == formats::Compression::none)
        throw std::runtime_error("the kernel is compressed in a way that is not read here (gzip, xz and zstd are)");
    // All but gzip have the unpacked size behind them, in four bytes.
    if (kind != formats::Compression::gzip && length > 4) length -= 4;
    SpanSource packed(part(image, code + offset, length, "payload"));
    const auto unpacked = formats::make_decompressor(kind, packed, most_unpacked);
    std::vector<std::byte> result, buffer(std::size_t{1} << 20);
    while (const std::size_t got = unpacked->read(buffer))
        result.insert(result.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(got));
    return result;
}

constexpr std::uint64_t rounded(std::uint64_t size) {
    return (size + 3) / 4 * 4;
}

void collect(Bytes notes, std::set<std::uint32_t>& types) {
    while (notes.size() >= 12) {
        const auto name_size = number<std::uint32_t>(notes, 0, "note"), size = number<std::uint32_t>(notes, 4, "note");
        const auto type = number<std::uint32_t>(notes, 8, "note");
        const std::uint64_t whole = 12 + rounded(name_size) + rounded(size);
        const Bytes name = part(notes, 12, name_size, "note");
        if (name_size == 4 && std::memcmp(name.data(), "Xen", 4) == 0) types.insert(type);
        if (whole >= notes.size()) return;
        notes = notes.subspan(whole);
    }
}

}  // namespace

std::set<std::uint32_t> xen_notes(Bytes bz_image) {
    const std::vector<std::byte> vmlinux = vmlinux_of(bz_image);
    const Bytes elf(vmlinux);
    if (number<std::uint32_t>(elf, 0, "ELF header") != 0x464c457f || number<std::uint8_t>(elf, 4, "ELF class") != 2)
        throw std::runtime_error("the kernel inside is not a 64-bit ELF file");
    const auto table = number<std::uint64_t>(elf, 0x20, "e_phoff");
    const auto size = number<std::uint16_t>(elf, 0x36, "e_phentsize"),
               count = number<std::uint16_t>(elf, 0x38, "e_phnum");
    std::set<std::uint32_t> types;
    for (std::uint64_t i = 0; i < count; ++i) {
        const Bytes header = part(elf, table + i * size, 0x38, "program header");
        if (number<std::uint32_t>(header, 0, "p_type") != 4) continue;  // PT_NOTE
        collect(part(elf, number<std::uint64_t>(header, 8, "p_offset"), number<std::uint64_t>(header, 0x20, "p_filesz"),
                     "notes"),
                types);
    }
    return types;
}

}  // namespace builders::readiness
