// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>

#include "formats/base/checked.hpp"
#include "formats/base/errors.hpp"
#include "formats/disk/disk_stream.hpp"
#include "formats/disk/views.hpp"
#include "formats/ova/ova.hpp"
#include "formats/stream/tar.hpp"
#include "formats/vmdk/vmdk.hpp"

namespace formats::ova {
namespace {

constexpr std::uint64_t max_ovf = std::uint64_t{16} << 20;
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

}  // namespace

OvaImage open_ova(std::shared_ptr<BlockSource> file, Facts* facts) {
    DiskStream stream(*file);
    tar::Reader archive(stream);
    std::map<std::string, Place> members;
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
    const Place ovf = members.at(first);
    if (ovf.length > max_ovf)
        throw RefusedImage("ova: " + first + " has " + std::to_string(ovf.length) + " bytes, more than " +
                           std::to_string(max_ovf));
    std::string xml(ovf.length, '\0');
    file->read_at(ovf.offset, std::as_writable_bytes(std::span(xml)));
    OvfContent content = read_ovf(xml);

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
