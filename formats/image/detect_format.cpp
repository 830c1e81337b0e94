// SPDX-License-Identifier: Apache-2.0
#include "formats/image/detect_format.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "formats/base/errors.hpp"
#include "formats/base/text.hpp"
#include "formats/stream/tar.hpp"

namespace formats {
namespace {

constexpr std::array<std::pair<Format, std::string_view>, 6> names{{{Format::raw, "raw"},
                                                                    {Format::qcow2, "qcow2"},
                                                                    {Format::vhd, "vhd"},
                                                                    {Format::vmdk, "vmdk"},
                                                                    {Format::xva, "xva"},
                                                                    {Format::ova, "ova"}}};

struct Signature {
    std::string_view name;
    std::uint64_t offset;  // from the start; or from the end, when `from_end`
    std::string_view bytes;
    bool from_end = false;
};
using std::string_view_literals::operator""sv;
constexpr std::array signatures{
    Signature{"qcow2", 0, "QFI\xfb\0\0\0\2"sv},
    Signature{"qcow2", 0, "QFI\xfb\0\0\0\3"sv},
    Signature{"qcow (version 1)", 0, "QFI\xfb\0\0\0\1"sv},
    Signature{"vhd", 0, "conectix"sv},
    Signature{"vhd", 512, "conectix"sv, true},
    Signature{"vmdk", 0, "KDMV"sv},
    Signature{"vmdk (COWD)", 0, "COWD"sv},
    Signature{"vmdk descriptor", 0, "# Disk DescriptorFile"sv},
    Signature{"vhdx", 0, "vhdxfile"sv},
    Signature{"vdi", 64, "\x7f\x10\xda\xbe"sv},
    Signature{"qed", 0, "QED\0"sv},
    Signature{"parallels", 0, "WithoutFreeSpace"sv},
    Signature{"parallels", 0, "WithouFreSpacExt"sv},
    Signature{"luks", 0, "LUKS\xba\xbe"sv},
    Signature{"iso9660", 0x8001, "CD001"sv},
    Signature{"dmg", 512, "koly"sv, true},
    Signature{"cloop", 0, "#!/bin/sh\n#V2.0 Format"sv},
};

bool matches(BlockSource& file, const Signature& signature) {
    const std::uint64_t size = file.virtual_size();
    if (signature.from_end && size < signature.offset) return false;
    const std::uint64_t offset = signature.from_end ? size - signature.offset : signature.offset;
    if (offset > size || size - offset < signature.bytes.size()) return false;
    std::array<char, 32> found{};
    file.read_at(offset, std::as_writable_bytes(std::span(found).first(signature.bytes.size())));
    return std::memcmp(found.data(), signature.bytes.data(), signature.bytes.size()) == 0;
}

// A tar is an XVA or an OVA by its first member.
std::optional<std::string_view> tar_kind(BlockSource& file) {
    if (file.virtual_size() < tar::block) return std::nullopt;
    std::array<std::byte, tar::block> bytes;
    file.read_at(0, bytes);
    try {
        const std::optional<tar::Member> first = tar::parse_header(bytes, 0);
        if (first && first->name == "ova.xml") return "xva";
        if (first && first->name.ends_with(".ovf")) return "ova";
        if (first) return "tar";
    } catch (const std::runtime_error&) {
        // Not a tar header, or not one of a plain file: no signature.
    }
    return std::nullopt;
}

}  // namespace

std::string_view to_string(Format format) {
    return std::ranges::find(names, format, &std::pair<Format, std::string_view>::first)->second;
}

std::optional<Format> format_from(std::string_view name) {
    for (const auto& [format, known] : names)
        if (known == name) return format;
    return std::nullopt;
}

std::optional<Format> format_by_ending(std::string_view name) {
    std::string text = lower(name);
    for (const std::string_view packing : {".xz", ".gz", ".zst"})
        if (text.ends_with(packing)) {
            text.resize(text.size() - packing.size());
            break;
        }
    if (text.ends_with(".raw") || text.ends_with(".img") || text.ends_with(".iso")) return Format::raw;
    if (text.ends_with(".vpc")) return Format::vhd;
    for (const auto& [format, known] : names)
        if (text.ends_with("." + std::string(known))) return format;
    return std::nullopt;
}

namespace {

class FirstBytes : public BlockSource {
public:
    explicit FirstBytes(std::span<const std::byte> bytes) : bytes_(bytes) {}
    std::uint64_t virtual_size() const override { return bytes_.size(); }
    Extent extent_at(std::uint64_t offset) override { return {offset, bytes_.size() - offset, true}; }
    void read_at(std::uint64_t offset, std::span<std::byte> out) override {
        std::ranges::copy(bytes_.subspan(offset, out.size()), out.begin());
    }

private:
    std::span<const std::byte> bytes_;
};

}  // namespace

std::vector<std::string> signatures_of(std::span<const std::byte> first_bytes) {
    FirstBytes file(first_bytes);
    return signatures_of(file);
}

std::vector<std::string> signatures_of(BlockSource& file) {
    std::vector<std::string> found;
    const auto add = [&](std::string_view name) {
        if (std::ranges::find(found, name) == found.end()) found.emplace_back(name);
    };
    for (const Signature& signature : signatures)
        if (matches(file, signature)) add(signature.name);
    if (const auto kind = tar_kind(file)) add(*kind);
    return found;
}

std::optional<Format> detect_format(BlockSource& file) {
    const std::vector<std::string> found = signatures_of(file);
    if (found.empty()) return std::nullopt;
    if (found.size() > 1) {
        std::string all;
        for (const std::string& name : found) all += (all.empty() ? "" : " and ") + name;
        throw RefusedImage("the content has the signatures of " + all + " at once");
    }
    const std::optional<Format> format = format_from(found.front());
    if (!format) throw RefusedImage("the content is " + found.front() + ", which is not read");
    return format;
}

}  // namespace formats
