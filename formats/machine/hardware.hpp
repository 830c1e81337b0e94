// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a virtual machine is made of, apart from the content of its disks. One description serves
// the XVA's ova.xml, xl.cfg and libvirt's XML, so that they can never disagree.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace formats {

enum class Mode { pvhvm, hvm, pvh, pv };  // how the guest runs under Xen
constexpr std::string_view to_string(Mode mode) {
    return mode == Mode::pvhvm ? "pvhvm" : mode == Mode::hvm ? "hvm" : mode == Mode::pvh ? "pvh" : "pv";
}
enum class Firmware { bios, uefi };

struct Hardware {
    std::string name;         // name_label; shown in XenCenter and `xe vm-list`
    std::string description;  // name_description
    Mode mode = Mode::pvhvm;
    Firmware firmware = Firmware::bios;
    std::uint32_t vcpus = 2;
    std::uint64_t memory_bytes = std::uint64_t{2} << 30;
    std::uint32_t network_interfaces = 1;  // 0 leaves the VM without a VIF
    bool is_template = false;              // imports as a template, which cannot be started itself
    bool secure_boot = false;
    std::string pv_args;  // kernel arguments, for Mode::pv only
};

}  // namespace formats
