// SPDX-License-Identifier: Apache-2.0
#pragma once
// The hardware description in the words of two toolstacks beside XAPI: xl.cfg(5) for plain Xen, and libvirt's domain
// XML for Xen and for KVM. What XVA's ova.xml says comes from the same formats::Hardware.
#include <string>
#include <vector>

#include "formats/base/block_source.hpp"
#include "formats/machine/hardware.hpp"

namespace formats::machine {

// `disks` are files' paths on the host that will run it, or block devices' below /dev; the first one boots.
// `comment`, a line each, says where they come from.
std::string xl_config(const formats::Hardware& hardware, const std::vector<std::string>& disks,
                      const std::vector<std::string>& comment = {});

enum class Hypervisor { xen, kvm };
// For Hypervisor::kvm every mode is a plain hardware VM with virtio devices.
std::string libvirt_xml(const formats::Hardware& hardware, const std::vector<std::string>& disks, Hypervisor hypervisor,
                        const std::vector<std::string>& comment = {});

// Whether libvirt-kvm.xml would start this disk: its firmware must find what it says on it, and the kernel a console
// that KVM has.
bool starts_under_kvm(const formats::Hardware& hardware, formats::BlockSource& first_disk);

// Where the raw disks at `paths` come from, for people: `image` is the release's XVA, `release` its name. On one line
// each, without "--", which XML's comments cannot hold.
std::vector<std::string> how_to_get_disks(const std::string& image, const std::string& release,
                                          const std::vector<std::string>& paths);

}  // namespace formats::machine
