// SPDX-License-Identifier: Apache-2.0
#include "formats/xva/xva_reader.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <set>

#include "formats/base/errors.hpp"
#include "formats/base/file.hpp"
#include "formats/stream/digest.hpp"
#include "formats/stream/tar.hpp"
#include "formats/xva/ova_xml.hpp"

namespace formats::xva {
namespace {

constexpr std::uint64_t max_xml = std::uint64_t{16} << 20;
constexpr std::uint64_t max_chunk = std::uint64_t{1} << 20;
constexpr std::uint64_t sha1_digits = 40, xxhash_digits = 16;

class Archive {
public:
    Archive(ByteSource& from, const ChunkHandler* on_chunk, const PlaceHandler* on_place)
        : tar_(from), on_chunk_(on_chunk), on_place_(on_place) {}

    XvaReport read() {
        const OvaContent content = read_description();
        XvaReport report;
        report.hardware = content.hardware;
        for (const DiskRecord& disk : content.disks) report.disks.push_back(read_disk(disk));
        try {
            if (const auto extra = next())
                throw CorruptImage("xva: member \"" + extra->name + "\" behind the last chunk of the last disk");
        } catch (const CorruptImage&) {
            if (!ended_) throw;  // xapi does not ask for the end blocks
        }
        report.file_size = size_;
        return report;
    }

private:
    std::optional<tar::Member> next() {
        std::optional<tar::Member> member = tar_.next();
        size_ += member ? tar::member_size(member->size) : 2 * tar::block;
        return member;
    }

    OvaContent read_description() {
        const std::optional<tar::Member> first = next();
        if (!first || first->name != "ova.xml")
            throw CorruptImage("xva: the first member must be ova.xml, it is \"" + (first ? first->name : "") + "\"");
        if (first->size > max_xml)
            throw RefusedImage("xva: ova.xml has " + std::to_string(first->size) + " bytes, more than " +
                               std::to_string(max_xml));
        std::string xml(first->size, '\0');
        tar_.read(std::as_writable_bytes(std::span(xml)));
        OvaContent content = read_ova_xml(xml);
        if (content.export_version < 2)
            throw RefusedImage("xva: export_vsn " + std::to_string(content.export_version) +
                               "; only 2, with a checksum behind every chunk, is read");
        return content;
    }

    DiskReport read_disk(const DiskRecord& disk) {
        DiskReport report{disk.reference, disk.virtual_size, 0, 0, {}};
        std::set<std::string> kinds;
        std::uint64_t position = 0;
        std::int64_t last = -1;
        while (position < disk.virtual_size) {
            const std::optional<tar::Member> member = next();
            if (!member)
                throw CorruptImage("xva: the archive ends while " + std::to_string(disk.virtual_size - position) +
                                   " of " + std::to_string(disk.virtual_size) + " bytes of " + disk.reference +
                                   " are missing");
            const std::int64_t number = chunk_number(member->name, disk.reference);
            if (number <= last)
                throw CorruptImage("xva: chunk " + member->name + " comes after number " + std::to_string(last));
            if (member->size > max_chunk || member->size % tar::block != 0)
                throw CorruptImage("xva: chunk " + member->name + " has " + std::to_string(member->size) +
                                   " bytes; a multiple of 512 up to 1048576 can be");
            if (unit_ == 0) unit_ = std::max<std::uint64_t>(member->size, 1);
            position += static_cast<std::uint64_t>(number - last - 1) * unit_;
            if (position > disk.virtual_size || member->size > disk.virtual_size - position)
                throw CorruptImage("xva: chunk " + member->name + " ends at byte " +
                                   std::to_string(position + member->size) + ", the disk has " +
                                   std::to_string(disk.virtual_size));
            if (on_place_ && member->size > 0) (*on_place_)(disk_number_, position, tar_.position(), member->size);
            const auto data = std::span(buffer_).first(on_place_ ? 0 : member->size);
            tar_.read(data);
            kinds.insert(read_checksum(member->name, data));
            if (!on_place_ && *on_chunk_ && !data.empty()) (*on_chunk_)(disk_number_, position, data);
            position += member->size;
            last = number;
            report.allocated += member->size;
            ++report.chunks;
        }
        for (const std::string& kind : kinds) report.checksum += (report.checksum.empty() ? "" : ", ") + kind;
        ++disk_number_;
        ended_ = true;
        return report;
    }

    static std::int64_t chunk_number(const std::string& name, const std::string& reference) {
        const std::string prefix = reference + "/";
        const std::string digits = name.starts_with(prefix) ? name.substr(prefix.size()) : "";
        if (digits.size() < 8 || digits.size() > 12 ||
            !std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; }))
            throw CorruptImage("xva: expected a chunk " + prefix + "NNNNNNNN, found member \"" + name + "\"");
        return std::stoll(digits);
    }

    std::string read_checksum(const std::string& chunk, std::span<const std::byte> data) {
        const std::optional<tar::Member> member = next();
        const std::string name = member ? member->name : "";
        const bool sha1 = name == chunk + ".checksum", xxhash = name == chunk + ".xxhash";
        if ((!sha1 && !xxhash) || member->size != (sha1 ? sha1_digits : xxhash_digits))
            throw CorruptImage("xva: behind chunk " + chunk + " must come its checksum, found \"" + name + "\"" +
                               (member ? " of " + std::to_string(member->size) + " bytes" : ""));
        if (!on_place_) {
            std::string stated(member->size, '\0');
            tar_.read(std::as_writable_bytes(std::span(stated)));
            verify_chunk(data, stated, chunk);
        }
        return sha1 ? "sha1" : "xxhash";
    }

    tar::Reader tar_;
    const ChunkHandler* on_chunk_;
    const PlaceHandler* on_place_;
    std::vector<std::byte> buffer_ = std::vector<std::byte>(max_chunk);
    std::uint64_t unit_ = 0, size_ = 0;
    std::size_t disk_number_ = 0;
    bool ended_ = false;
};

}  // namespace

void verify_chunk(std::span<const std::byte> data, std::string_view stated, const std::string& name) {
    std::string computed;
    if (stated.size() == sha1_digits) {
        computed = digest_hex(DigestKind::sha1, data);
    } else {
        std::array<char, 17> text{};
        std::snprintf(text.data(), text.size(), "%016llX", static_cast<unsigned long long>(xxh64(data)));
        computed = text.data();
    }
    if (stated != computed)
        throw CorruptImage("xva: block " + name + " is damaged: its checksum is " + computed + ", the archive states " +
                           std::string(stated));
}

XvaReport index_xva(ByteSource& from, const PlaceHandler& on_chunk) {
    return Archive(from, nullptr, &on_chunk).read();
}

XvaReport read_xva(ByteSource& from, const ChunkHandler& on_chunk) {
    XvaReport report = Archive(from, &on_chunk, nullptr).read();
    std::array<std::byte, 4096> rest{};
    for (std::size_t got = from.read(rest); got != 0; got = from.read(rest)) {
        // Reads a compressed stream to its end, so that its own check is verified as well.
        if (std::any_of(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(got),
                        [](std::byte b) { return b != std::byte{0}; }))
            throw CorruptImage("xva: garbage behind the end of the archive");
        report.file_size += got;
    }
    return report;
}

XvaReport extract_xva(ByteSource& from, const std::filesystem::path& folder) {
    std::vector<File> files;
    const auto file = [&](std::size_t disk) -> File& {
        while (files.size() <= disk)
            files.push_back(File::create(folder / ("disk" + std::to_string(files.size() + 1) + ".raw"), 0644, true));
        return files[disk];
    };
    const XvaReport report =
        read_xva(from, [&](std::size_t disk, std::uint64_t offset, std::span<const std::byte> data) {
            file(disk).write_at(offset, data);
        });
    for (std::size_t i = 0; i < report.disks.size(); ++i) {
        file(i).truncate(report.disks[i].virtual_size);
        file(i).sync();
    }
    return report;
}

}  // namespace formats::xva
