// SPDX-License-Identifier: Apache-2.0
#pragma once
// The tar of an XVA: V7 headers as xapi's exporter writes them (no magic, no owner, octal numbers,
// names under 100 bytes), and a reader that takes V7, ustar and old GNU headers and refuses links,
// devices and extensions by name. Where they are asked for, sizes over 8 GiB are read as GNU tar (base 256)
// and pax (a record before the member) write them.
#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "formats/stream/byte_sink.hpp"

namespace formats::tar {

constexpr std::uint64_t block = 512;

// Bytes a member of `size` takes: header, data, padding.
constexpr std::uint64_t member_size(std::uint64_t size) {
    return block + (size + block - 1) / block * block;
}

// REQUIRES: name shorter than 100 bytes, size < 8 GiB (octal field).
std::array<std::byte, block> header(const std::string& name, std::uint64_t size);

void write_member(ByteSink& sink, const std::string& name, std::span<const std::byte> data);
void write_end(ByteSink& sink);  // the two zero blocks

struct Member {
    std::string name;
    std::uint64_t size = 0;
};

enum class Sizes { octal, large };

// A tar header as it lies in a file, checked; nothing for a block of zeroes. `at` is for messages.
std::optional<Member> parse_header(std::span<const std::byte, block> bytes, std::uint64_t at,
                                   Sizes sizes = Sizes::octal);

class Reader {
public:
    explicit Reader(ByteSource& from, Sizes sizes = Sizes::octal) : from_(from), sizes_(sizes) {}

    // The next member; nothing at the end blocks. What was left of the one before is skipped.
    // Throws CorruptImage: bad header checksum, number, or a stream that ends in a member.
    // Throws RefusedImage: a link, a device, a directory, a pax or GNU extension other than a large size.
    std::optional<Member> next();

    // Does the archive end, without its end blocks, behind the member that was read last?
    bool at_end();

    // Exactly out.size() bytes of the member. REQUIRES: so many are left of it.
    void read(std::span<std::byte> out);

    // Bytes of the archive that were taken so far.
    std::uint64_t position() const { return position_; }

private:
    void fill(std::span<std::byte> out);
    void skip_rest();
    std::optional<std::uint64_t> read_pax(std::uint64_t at);

    ByteSource& from_;
    Sizes sizes_;
    std::uint64_t left_ = 0, padding_ = 0, position_ = 0;
    std::array<std::byte, block> header_{};
    std::size_t have_ = 0;  // bytes of the next header that were read by at_end()
};

}  // namespace formats::tar
