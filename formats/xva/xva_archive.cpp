// SPDX-License-Identifier: Apache-2.0
#include "formats/xva/xva_archive.hpp"

#include <algorithm>
#include <array>

#include "formats/base/errors.hpp"

namespace formats::xva {
namespace {

constexpr std::uint64_t max_xml = std::uint64_t{16} << 20;
constexpr std::uint64_t max_chunk = std::uint64_t{1} << 20;
constexpr std::uint64_t sha1_digits = 40, xxhash_digits = 16;
constexpr std::size_t chunks_ahead = 6;

std::int64_t chunk_number(const std::string& name, const std::string& reference) {
    const std::string prefix = reference + "/";
    const std::string digits = name.starts_with(prefix) ? name.substr(prefix.size()) : "";
    if (digits.size() < 8 || digits.size() > 12 ||
        !std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; }))
        throw CorruptImage("xva: expected a chunk " + prefix + "NNNNNNNN, found member \"" + name + "\"");
    return std::stoll(digits);
}

}  // namespace

Archive::Archive(ByteSource& from, bool with_data) : tar_(from), with_data_(with_data) {
    read_description();
    report_.hardware = content_.hardware;
    for (const DiskRecord& disk : content_.disks)
        report_.disks.push_back({disk.reference, disk.virtual_size, 0, 0, {}});
}

std::optional<tar::Member> Archive::next_member() {
    std::optional<tar::Member> member = tar_.next();
    size_ += member ? tar::member_size(member->size) : 2 * tar::block;
    return member;
}

void Archive::read_description() {
    const std::optional<tar::Member> first = next_member();
    if (!first || first->name != "ova.xml")
        throw CorruptImage("xva: the first member must be ova.xml, it is \"" + (first ? first->name : "") + "\"");
    if (first->size > max_xml)
        throw RefusedImage("xva: ova.xml has " + std::to_string(first->size) + " bytes, more than " +
                           std::to_string(max_xml));
    std::string xml(first->size, '\0');
    tar_.read(std::as_writable_bytes(std::span(xml)));
    content_ = read_ova_xml(xml);
    if (content_.export_version < 2)
        throw RefusedImage("xva: export_vsn " + std::to_string(content_.export_version) +
                           "; only 2, with a checksum after every chunk, is read");
}

void Archive::end_disk() {
    for (const std::string& kind : kinds_)
        report_.disks[disk_].checksum += (report_.disks[disk_].checksum.empty() ? "" : ", ") + kind;
    kinds_.clear();
    position_ = 0;
    last_ = -1;
    ++disk_;
}

bool Archive::next(Chunk& chunk) {
    for (; disk_ < content_.disks.size(); end_disk()) {
        const DiskRecord& disk = content_.disks[disk_];
        while (position_ < disk.virtual_size)
            if (read_chunk(disk, chunk)) return true;
    }
    if (report_.file_size == 0) {
        // xapi does not ask for the end blocks; anything else behind the last chunk is another archive than it seems.
        if (!tar_.at_end())
            if (const auto extra = next_member())
                throw CorruptImage("xva: member \"" + extra->name + "\" after the last chunk of the last disk");
        report_.file_size = size_;
    }
    return false;
}

// False for the empty chunks by which exporters keep a connection alive: they use up a number and no space.
bool Archive::read_chunk(const DiskRecord& disk, Chunk& chunk) {
    const std::optional<tar::Member> member = next_member();
    if (!member)
        throw CorruptImage("xva: the archive ends while " + std::to_string(disk.virtual_size - position_) + " of " +
                           std::to_string(disk.virtual_size) + " bytes of " + disk.reference + " are missing");
    const std::int64_t number = chunk_number(member->name, disk.reference);
    if (number <= last_)
        throw CorruptImage("xva: chunk " + member->name + " comes after number " + std::to_string(last_));
    if (member->size > max_chunk || member->size % tar::block != 0)
        throw CorruptImage("xva: chunk " + member->name + " has " + std::to_string(member->size) +
                           " bytes; a multiple of 512 up to 1048576 can be");
    if (unit_ == 0) unit_ = std::max<std::uint64_t>(member->size, 1);
    position_ += static_cast<std::uint64_t>(number - last_ - 1) * unit_;
    if (position_ > disk.virtual_size || member->size > disk.virtual_size - position_)
        throw CorruptImage("xva: chunk " + member->name + " ends at byte " + std::to_string(position_ + member->size) +
                           ", the disk has " + std::to_string(disk.virtual_size));
    chunk.disk = disk_;
    chunk.offset = position_;
    chunk.place = tar_.position();
    chunk.length = member->size;
    chunk.data.resize(with_data_ ? member->size : 0);
    tar_.read(chunk.data);
    read_checksum(chunk, member->name);
    if (with_data_ && chunk.length == 0) verify_chunk({}, chunk.stated, chunk.name);
    position_ += chunk.length;
    last_ = number;
    report_.disks[disk_].allocated += chunk.length;
    ++report_.disks[disk_].chunks;
    return chunk.length > 0;
}

void Archive::read_checksum(Chunk& chunk, const std::string& name) {
    const std::optional<tar::Member> member = next_member();
    const std::string found = member ? member->name : "";
    const bool sha1 = found == name + ".checksum", xxhash = found == name + ".xxhash";
    if ((!sha1 && !xxhash) || member->size != (sha1 ? sha1_digits : xxhash_digits))
        throw CorruptImage("xva: chunk " + name + " must be followed by its checksum, found \"" + found + "\"" +
                           (member ? " of " + std::to_string(member->size) + " bytes" : ""));
    kinds_.insert(sha1 ? "sha1" : "xxhash");
    if (!with_data_) return;
    chunk.name = name;
    chunk.stated.resize(member->size);
    tar_.read(std::as_writable_bytes(std::span(chunk.stated)));
}

void VerifiedChunks::read_ahead() {
    while (!ended_ && !failure_ && pending_.size() < chunks_ahead) {
        try {
            Pending& next = pending_.emplace_back(Pending{std::move(current_), {}});
            current_ = {};
            if (archive_.next(next.chunk)) {
                next.verified =
                    workers_.run([&chunk = next.chunk] { verify_chunk(chunk.data, chunk.stated, chunk.name); });
            } else {
                pending_.pop_back();
                read_rest();
                ended_ = true;
            }
        } catch (...) {
            if (!pending_.empty() && !pending_.back().verified.valid()) pending_.pop_back();
            failure_ = std::current_exception();
        }
    }
}

void VerifiedChunks::read_rest() {
    std::array<std::byte, 4096> rest{};
    for (std::size_t got = from_.read(rest); got != 0; got = from_.read(rest)) {
        if (std::any_of(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(got),
                        [](std::byte b) { return b != std::byte{0}; }))
            throw CorruptImage("xva: garbage after the end of the archive");
        behind_ += got;
    }
}

const Chunk* VerifiedChunks::next() {
    read_ahead();
    if (pending_.empty()) {
        if (failure_) std::rethrow_exception(failure_);
        return nullptr;
    }
    pending_.front().verified.get();
    current_ = std::move(pending_.front().chunk);
    pending_.pop_front();
    // The last one is given out only when all behind it was found right.
    if (pending_.empty() && failure_) std::rethrow_exception(failure_);
    return &current_;
}

}  // namespace formats::xva
