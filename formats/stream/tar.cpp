// SPDX-License-Identifier: Apache-2.0
#include "formats/stream/tar.hpp"

#include <algorithm>
#include <cassert>
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

std::optional<Member> parse_header(std::span<const std::byte, block> bytes, std::uint64_t at) {
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
    member.size = octal(header.size, "size");
    return member;
}

std::optional<Member> Reader::next() {
    const std::uint64_t rest = left_ + padding_;
    if (from_.skip(rest) != rest)
        throw CorruptImage("tar: the archive is cut short in the member before byte " +
                           std::to_string(position_ + rest));
    position_ += rest;
    left_ = padding_ = 0;
    std::array<std::byte, block> bytes;
    const std::uint64_t at = position_;
    fill(bytes);
    const std::optional<Member> member = parse_header(bytes, at);
    if (member) {
        left_ = member->size;
        padding_ = (block - member->size % block) % block;
    }
    return member;
}

}  // namespace formats::tar
