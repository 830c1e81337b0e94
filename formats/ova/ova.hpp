// SPDX-License-Identifier: Apache-2.0
#pragma once
// OVA: a tar of an OVF description and the VMDKs it names (DMTF DSP0243; rules: docs/formats/ova.md).
// Read only. Members are plain files without folders; the OVF is read without DTD, entities or network.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/block_source.hpp"
#include "formats/disk/facts.hpp"
#include "formats/machine/hardware.hpp"
#include "formats/stream/digest.hpp"

namespace formats::ova {

struct OvaImage {
    Hardware hardware;
    std::vector<std::string> names;  // "system.vmdk"
    std::vector<std::unique_ptr<BlockSource>> disks;
};
// Throws RefusedImage or CorruptImage, naming the member or the element. Unless told not to, reads every member
// that the manifest names and compares its digest.
OvaImage open_ova(std::shared_ptr<BlockSource> file, Facts* facts = nullptr, bool verify_manifest = true);

struct ManifestLine {
    DigestKind kind;
    std::string file, digest;  // digest: lower-case hex
};
// "SHA256(disk.vmdk)= 0123…": SHA1, SHA256 and SHA512, each file once.
std::vector<ManifestLine> read_manifest(std::string_view text);

struct OvfDisk {
    std::string id, file;  // file: the member's name; empty for a disk that has none
};
struct OvfContent {
    Hardware hardware;
    std::vector<OvfDisk> disks;
};
OvfContent read_ovf(std::string_view xml);

}  // namespace formats::ova
