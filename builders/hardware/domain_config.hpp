// SPDX-License-Identifier: Apache-2.0
#pragma once
// The hardware description in the words of two toolstacks beside XAPI: xl.cfg(5) for plain Xen, and libvirt's domain
// XML for Xen and for KVM. What XVA's ova.xml says comes from the same formats::Hardware.
#include <string>
#include <vector>

#include "formats/hardware.hpp"

namespace builders::hardware {

// `disks` are the files' paths on the host that will run it, the first one boots.
std::string xl_config(const formats::Hardware& hardware, const std::vector<std::string>& disks);

enum class Hypervisor { xen, kvm };
// For Hypervisor::kvm every mode is a plain hardware VM with virtio devices.
std::string libvirt_xml(const formats::Hardware& hardware, const std::vector<std::string>& disks,
                        Hypervisor hypervisor);

}  // namespace builders::hardware
