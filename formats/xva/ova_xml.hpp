// SPDX-License-Identifier: Apache-2.0
#pragma once
// ova.xml: the XML-RPC records (VM, VDI, VBD, VIF, SR, network) that xapi makes objects of. Carries
// every member that either generation of xapi asks for (1.249 of XenServer 8.2, and current).
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/machine/hardware.hpp"

namespace formats::xva {

struct DiskRecord {
    std::string reference;       // the VDI's id, which is its folder in the archive
    std::uint64_t virtual_size;  // bytes, a multiple of 1 MiB
};

// References of fixed width: xapi streams disks in the byte order of their ids.
std::string disk_reference(std::size_t index);

// Throws std::invalid_argument for text that XML cannot carry (control characters, invalid UTF-8).
std::string write_ova_xml(const Hardware& hardware, const std::vector<DiskRecord>& disks, const std::string& date);

struct OvaContent {
    Hardware hardware;
    std::vector<DiskRecord> disks;  // in the order of their chunks
    int export_version = 0;
};
// By libxml2, without DTD, entities or network. Throws CorruptImage or RefusedImage.
OvaContent read_ova_xml(std::string_view xml);

}  // namespace formats::xva
