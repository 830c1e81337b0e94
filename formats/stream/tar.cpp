// SPDX-License-Identifier: Apache-2.0
#include "formats/stream/tar.hpp"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <vector>

#include "formats/base/errors.hpp"

namespace formats::tar {
namespace {

// POSIX "ustar" places; V7 stops before `magic`.
struct Header {
    char name[100];
    char mode[8];
    char uid[8];
    char gid[8];
    char size[12];
    char mtime[12];
    char checksum[8];
    char typeflag;
    char linkname[100];
    char magic[6];
    char rest[249];
};
static_assert(sizeof(Header) == block && alignof(Header) == 1);

unsigned checksum_of(const Header& header) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(&header);
    unsigned sum = 0;
    for (std::size_t i = 0; i < block; ++i) {
        const bool in_field = i >= offsetof(Header, checksum) && i < offsetof(Header, typeflag);
        sum += in_field ? ' ' : bytes[i];
    }
    return sum;
}

std::uint64_t octal(std::span<const char> field, const char* what) {
    std::uint64_t value = 0;
    bool any = false, ended = false;
    for (const char c : field) {
        if (c == '\0' || c == ' ') {
            ended = any;
            continue;
        }
        if (ended || c < '0' || c > '7')
            throw CorruptImage(std::string("tar: the header's ") + what + " is not an octal number");
        value = value * 8 + static_cast<unsigned>(c - '0');
        any = true;
    }
    return value;
}

// GNU tar's form of what eleven octal digits cannot hold: the top bit, then a big-endian number.
std::uint64_t base256(std::span<const char> field) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < field.size(); ++i) {
        const auto byte = static_cast<unsigned char>(field[i]);
        const bool too_large = i == 0 ? byte != 0x80 : value >> 55 != 0;
        if (too_large) throw CorruptImage("tar: the header's size is negative or 2^63 at least");
        value = i == 0 ? 0 : value << 8 | byte;
    }
    return value;
}

std::uint64_t size_of(const Header& header, Sizes sizes) {
    const bool large = (static_cast<unsigned char>(header.size[0]) & 0x80) != 0;
    return large && sizes == Sizes::large ? base256(header.size) : octal(header.size, "size");
}

constexpr std::uint64_t max_pax = 65536;
constexpr std::array harmless_pax{"mtime", "atime", "ctime", "uid", "gid", "uname", "gname", "comment"};

// The size among records "LENGTH KEY=VALUE\n"; times and owners mean nothing here, all else is refused.
std::optional<std::uint64_t> size_in_pax(std::string_view records) {
    std::optional<std::uint64_t> size;
    while (!records.empty()) {
        std::size_t length = 0;
        const auto [end, error] = std::from_chars(records.data(), records.data() + records.size(), length);
        const auto digits = static_cast<std::size_t>(end - records.data());
        if (error != std::errc() || length > records.size() || length < digits + 3 || records[digits] != ' ' ||
            records[length - 1] != '\n')
            throw CorruptImage("tar: a pax record is not LENGTH KEY=VALUE");
        const std::string_view record = records.substr(digits + 1, length - digits - 2);
        records.remove_prefix(length);
        const std::size_t equals = record.find('=');
        if (equals == std::string_view::npos) throw CorruptImage("tar: a pax record is not LENGTH KEY=VALUE");
        const std::string_view key = record.substr(0, equals), value = record.substr(equals + 1);
        if (key == "size") {
            std::uint64_t number = 0;
            const auto [stop, wrong] = std::from_chars(value.data(), value.data() + value.size(), number);
            if (wrong != std::errc() || stop != value.data() + value.size() || number >> 63 != 0)
                throw CorruptImage("tar: the pax size \"" + std::string(value) + "\" is not a number under 2^63");
            size = number;
        } else if (std::ranges::find(harmless_pax, key) == harmless_pax.end()) {
            throw RefusedImage("tar: the pax record \"" + std::string(key) + "\" is not taken; only a size is");
        }
    }
    return size;
}

const std::array<std::byte, block> zeroes{};

}  // namespace

std::array<std::byte, block> header(const std::string& name, std::uint64_t size) {
    Header header{};
    assert(name.size() < sizeof header.name && size < std::uint64_t{1} << 33);
    std::memcpy(header.name, name.data(), name.size());
    std::snprintf(header.mode, sizeof header.mode, "%07o", 0400);
    std::snprintf(header.uid, sizeof header.uid, "%07o", 0);
    std::snprintf(header.gid, sizeof header.gid, "%07o", 0);
    std::snprintf(header.size, sizeof header.size, "%011llo", static_cast<unsigned long long>(size));
    std::snprintf(header.mtime, sizeof header.mtime, "%011o", 0);
    std::snprintf(header.checksum, 7, "%06o", checksum_of(header));
    header.checksum[7] = ' ';
    std::array<std::byte, block> bytes;
    std::memcpy(bytes.data(), &header, block);
    return bytes;
}

void write_member(ByteSink& sink, const std::string& name, std::span<const std::byte> data) {
    sink.write(header(name, data.size()));
    sink.write(data);
    sink.write(std::span(zeroes).first((block - data.size() % block) % block));
}

void write_end(ByteSink& sink) {
    sink.write(zeroes);
    sink.write(zeroes);
}

void Reader::fill(std::span<std::byte> out) {
    while (!out.empty()) {
        const std::size_t got = from_.read(out);
        if (got == 0) throw CorruptImage("tar: the archive is cut short at byte " + std::to_string(position_));
        position_ += got;
        out = out.subspan(got);
    }
}

void Reader::read(std::span<std::byte> out) {
    assert(out.size() <= left_);
    fill(out);
    left_ -= out.size();
}

std::optional<Member> parse_header(std::span<const std::byte, block> bytes, std::uint64_t at, Sizes sizes) {
    Header header{};
    std::memcpy(&header, bytes.data(), block);
    if (std::memcmp(&header, zeroes.data(), block) == 0) return std::nullopt;
    if (octal(header.checksum, "checksum") != checksum_of(header))
        throw CorruptImage("tar: wrong header checksum at byte " + std::to_string(at));
    Member member;
    member.name.assign(header.name, strnlen(header.name, sizeof header.name));
    if (header.typeflag != '\0' && header.typeflag != '0')
        throw RefusedImage("tar: member \"" + member.name + "\" at byte " + std::to_string(at) + " has type '" +
                           header.typeflag + "'; only plain files are taken");
    member.size = size_of(header, sizes);
    return member;
}

void Reader::skip_rest() {
    const std::uint64_t rest = left_ + padding_;
    if (from_.skip(rest) != rest)
        throw CorruptImage("tar: the archive is cut short in the member before byte " +
                           std::to_string(position_ + rest));
    position_ += rest;
    left_ = padding_ = 0;
}

bool Reader::at_end() {
    skip_rest();
    if (have_ == 0) have_ = from_.read(header_);
    return have_ == 0;
}

std::optional<std::uint64_t> Reader::read_pax(std::uint64_t at) {
    Header header{};
    std::memcpy(&header, header_.data(), block);
    header.typeflag = '0';
    if (octal(header.checksum, "checksum") != checksum_of(header) + 'x' - '0')
        throw CorruptImage("tar: wrong header checksum at byte " + std::to_string(at));
    const std::uint64_t size = octal(header.size, "size");
    if (size > max_pax)
        throw RefusedImage("tar: pax records of " + std::to_string(size) + " bytes; up to " + std::to_string(max_pax) +
                           " can be");
    std::string records(member_size(size) - block, '\0');
    fill(std::as_writable_bytes(std::span(records)));
    return size_in_pax(std::string_view(records).substr(0, size));
}

std::optional<Member> Reader::next() {
    skip_rest();
    std::uint64_t at = position_;
    position_ += have_;
    fill(std::span(header_).subspan(have_));
    have_ = 0;
    std::optional<std::uint64_t> pax_size;
    if (sizes_ == Sizes::large && header_[offsetof(Header, typeflag)] == std::byte{'x'}) {
        pax_size = read_pax(at);
        at = position_;
        fill(header_);
    }
    std::optional<Member> member = parse_header(header_, at, sizes_);
    if (!member && pax_size) throw CorruptImage("tar: a pax header at the end of the archive");
    if (member) {
        if (pax_size) member->size = *pax_size;
        left_ = member->size;
        padding_ = (block - member->size % block) % block;
    }
    return member;
}

}  // namespace formats::tar
