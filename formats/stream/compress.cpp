// SPDX-License-Identifier: Apache-2.0
#include "formats/stream/compress.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <thread>

#include "formats/base/file_place.hpp"
#include "formats/stream/codecs.hpp"

namespace formats {
namespace {

struct Entry {
    Compression kind;
    std::string_view name, ending;
    Levels levels;
};
constexpr std::array<Entry, 4> table{{
    {Compression::none, "none", "", {0, 0, 0}},
    {Compression::gzip, "gzip", ".gz", {1, 9, 6}},
    {Compression::xz, "xz", ".xz", {0, 9, 3}},
    {Compression::zstd, "zstd", ".zst", {1, 19, 3}},
}};

const Entry& entry(Compression kind) {
    return table[static_cast<std::size_t>(kind)];
}

// Bytes as they are.
class PlainSource : public ByteSource {
public:
    explicit PlainSource(ByteSource& from) : from_(from) {}
    std::size_t read(std::span<std::byte> out) override { return from_.read(out); }

private:
    ByteSource& from_;
};

class PlainSink : public ByteSink, public TakesCopies {
public:
    explicit PlainSink(ByteSink& next) : next_(next) {}
    void write(std::span<const std::byte> bytes) override { next_.write(bytes); }
    void write_zeroes(std::uint64_t count) override { next_.write_zeroes(count); }
    bool copy_from(const FilePlace& place) override {
        auto* const copies = dynamic_cast<TakesCopies*>(&next_);
        return copies && copies->copy_from(place);
    }
    void finish() override { next_.finish(); }

private:
    ByteSink& next_;
};

}  // namespace

std::string_view to_string(Compression kind) {
    return entry(kind).name;
}
std::string_view file_ending(Compression kind) {
    return entry(kind).ending;
}
Levels levels(Compression kind) {
    return entry(kind).levels;
}

std::optional<Compression> compression_from(std::string_view name) {
    for (const Entry& known : table)
        if (known.name == name || (!known.ending.empty() && known.ending.substr(1) == name)) return known.kind;
    return std::nullopt;
}

Packing packing_from(std::string_view text) {
    const std::size_t colon = text.find(':');
    const std::optional<Compression> kind = compression_from(text.substr(0, colon));
    if (!kind) throw std::invalid_argument("xz, gzip, zstd and none are known");
    if (colon == std::string_view::npos) return {*kind, {}};
    const std::string digits(text.substr(colon + 1));
    if (digits.empty() || digits.size() > 2 || digits.find_first_not_of("0123456789") != std::string::npos)
        throw std::invalid_argument("the level is not a number");
    if (*kind == Compression::none) throw std::invalid_argument("none has no level");
    const Levels range = levels(*kind);
    const int level = std::stoi(digits);
    if (level < range.lowest || level > range.highest)
        throw std::invalid_argument(std::string(to_string(*kind)) + " has levels " + std::to_string(range.lowest) +
                                    " to " + std::to_string(range.highest));
    return {*kind, level};
}

std::unique_ptr<ByteSink> make_compressor(Compression kind, int level, unsigned threads, ByteSink& next) {
    const Levels range = levels(kind);
    if (level < range.lowest || level > range.highest)
        throw std::invalid_argument(std::string(to_string(kind)) + " has levels " + std::to_string(range.lowest) +
                                    " to " + std::to_string(range.highest) + ", not " + std::to_string(level));
    if (threads == 0) threads = std::max(1U, std::thread::hardware_concurrency());
    switch (kind) {
        case Compression::gzip:
            return make_gzip_sink(level, threads, next);
        case Compression::xz:
            return make_xz_sink(level, threads, next);
        case Compression::zstd:
            return make_zstd_sink(level, threads, next);
        case Compression::none:
            break;
    }
    return std::make_unique<PlainSink>(next);
}

Compression detect_compression(std::span<const std::byte> first) {
    const auto starts = [&](std::initializer_list<unsigned> magic) {
        return first.size() >= magic.size() &&
               std::equal(magic.begin(), magic.end(), first.begin(),
                          [](unsigned a, std::byte b) { return a == std::to_integer<unsigned>(b); });
    };
    if (starts({0xfd, '7', 'z', 'X', 'Z', 0})) return Compression::xz;
    if (starts({0x1f, 0x8b, 8})) return Compression::gzip;
    if (starts({0x28, 0xb5, 0x2f, 0xfd})) return Compression::zstd;
    return Compression::none;
}

std::unique_ptr<ByteSource> make_decompressor(Compression kind, ByteSource& from, std::uint64_t limit) {
    switch (kind) {
        case Compression::gzip:
            return make_gzip_source(from, limit);
        case Compression::xz:
            return make_xz_source(from, limit);
        case Compression::zstd:
            return make_zstd_source(from, limit);
        case Compression::none:
            break;
    }
    return std::make_unique<PlainSource>(from);
}

}  // namespace formats
