// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>

#include "formats/base/checked.hpp"
#include "formats/base/errors.hpp"
#include "formats/disk/disk_stream.hpp"
#include "formats/disk/stream_disk.hpp"
#include "formats/disk/views.hpp"
#include "formats/ova/ova.hpp"
#include "formats/stream/tar.hpp"
#include "formats/vmdk/vmdk.hpp"

namespace formats::ova {
namespace {

constexpr std::uint64_t max_text = std::uint64_t{16} << 20;
constexpr std::size_t max_members = 256;

struct Place {
    std::uint64_t offset, length;
};

void check_name(const std::string& name) {
    const bool plain = std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
               c == '_' || c == ' ' || c == '(' || c == ')' || static_cast<unsigned char>(c) >= 0x80;
    });
    if (name.empty() || name.front() == '.' || !plain)
        throw RefusedImage("ova: member \"" + name + "\" is not a plain file name");
}

using Members = std::map<std::string, Place>;

std::string text_of(BlockSource& file, const std::string& name, const Members& members) {
    const Place place = members.at(name);
    if (place.length > max_text)
        throw RefusedImage("ova: " + name + " has " + std::to_string(place.length) + " bytes, more than " +
                           std::to_string(max_text));
    std::string text(place.length, '\0');
    file.read_at(place.offset, std::as_writable_bytes(std::span(text)));
    return text;
}

std::string digest_of(BlockSource& file, const Place& place, DigestKind kind) {
    DigestSink digest{kind};
    stream_disk(file, place.offset, place.length, digest);
    digest.finish();
    return digest.hex(kind);
}

void check_manifest(BlockSource& file, const std::string& ovf, const Members& members, const OvfContent& content,
                    Facts* facts, bool verify) {
    const std::string name = ovf.substr(0, ovf.size() - 4) + ".mf";
    const auto warn = [&](const std::string& what) {
        if (facts) facts->warnings.push_back(what);
    };
    if (members.contains(ovf.substr(0, ovf.size() - 4) + ".cert")) warn("the archive's signature is not verified");
    if (!members.contains(name)) return warn("the archive has no manifest: damage of its members would go unseen");
    const std::vector<ManifestLine> lines = read_manifest(text_of(file, name, members));
    const auto named = [&](const std::string& file_name) {
        return std::ranges::find(lines, file_name, &ManifestLine::file) != lines.end();
    };
    if (!named(ovf)) throw CorruptImage("ova: the manifest does not name \"" + ovf + "\"");
    for (const OvfDisk& disk : content.disks)
        if (!disk.file.empty() && !named(disk.file))
            throw CorruptImage("ova: the manifest does not name \"" + disk.file + "\"");
    if (!verify) return warn("the digests of the manifest were not verified");
    for (const ManifestLine& line : lines) {
        const auto member = members.find(line.file);
        if (member == members.end())
            throw CorruptImage("ova: the manifest names \"" + line.file + "\", which is not in the archive");
        const std::string found = digest_of(file, member->second, line.kind);
        if (found != line.digest)
            throw CorruptImage("ova: \"" + line.file + "\" is damaged: its digest is " + found +
                               ", the manifest states " + line.digest);
    }
    if (facts) facts->feature("manifest", std::to_string(lines.size()) + " digests verified");
}

}  // namespace

OvaImage open_ova(std::shared_ptr<BlockSource> file, Facts* facts, bool verify_manifest) {
    DiskStream stream(*file);
    tar::Reader archive(stream, tar::Sizes::large);
    Members members;
    std::string first;
    while (stream.position() < file->virtual_size()) {
        const std::optional<tar::Member> member = archive.next();
        if (!member) break;
        check_name(member->name);
        check_range(archive.position(), member->size, file->virtual_size(), "ova: member \"" + member->name + "\"");
        if (first.empty()) first = member->name;
        if (!members.emplace(member->name, Place{archive.position(), member->size}).second)
            throw RefusedImage("ova: member \"" + member->name + "\" is there twice");
        if (members.size() > max_members)
            throw RefusedImage("ova: more than " + std::to_string(max_members) + " members");
    }
    if (!first.ends_with(".ovf")) throw CorruptImage("ova: the first member must be the .ovf, it is \"" + first + "\"");
    const OvfContent content = read_ovf(text_of(*file, first, members));
    check_manifest(*file, first, members, content, facts, verify_manifest);

    OvaImage image;
    image.hardware = content.hardware;
    for (const OvfDisk& disk : content.disks) {
        if (disk.file.empty()) {
            if (facts) facts->warnings.push_back("disk \"" + disk.id + "\" has no file: it is empty and left out");
            continue;
        }
        const auto place = members.find(disk.file);
        if (place == members.end())
            throw CorruptImage("ova: the ovf names \"" + disk.file + "\", which is not in the archive");
        auto part = std::make_shared<SlicedDisk>(file, place->second.offset, place->second.length);
        image.disks.push_back(vmdk::open_vmdk(std::move(part), facts));
        image.names.push_back(disk.file);
    }
    if (image.disks.empty()) throw RefusedImage("ova: the archive has no disk");
    return image;
}

}  // namespace formats::ova
