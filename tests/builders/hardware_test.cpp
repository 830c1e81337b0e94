// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "builders/hardware/domain_config.hpp"

namespace {

using namespace builders::hardware;
using formats::Hardware;
using formats::Mode;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

Hardware machine(Mode mode) {
    Hardware hardware;
    hardware.name = "debian-12";
    hardware.description = "Debian <12> & \"more\"";
    hardware.mode = mode;
    hardware.vcpus = 3;
    hardware.memory_bytes = std::uint64_t{1536} << 20;
    hardware.network_interfaces = 2;
    return hardware;
}

TEST(DomainConfig, xl_says_each_mode_in_its_own_way) {
    const std::vector<std::string> disks{"/a.raw", "/b \"quoted\".raw"};
    const std::string pvhvm = xl_config(machine(Mode::pvhvm), disks);
    EXPECT_THAT(pvhvm, AllOf(HasSubstr("type = \"hvm\"\n"), HasSubstr("vcpus = 3\n"), HasSubstr("memory = 1536\n"),
                             HasSubstr("xen_platform_pci = 1\n"), HasSubstr("vdev=xvda, access=rw, target=/a.raw"),
                             HasSubstr(R"(vdev=xvdb, access=rw, target=/b \"quoted\".raw)"),
                             HasSubstr(R"(vif = ["bridge=xenbr0", "bridge=xenbr0"])"), Not(HasSubstr("pygrub"))));
    EXPECT_THAT(xl_config(machine(Mode::hvm), disks), HasSubstr("xen_platform_pci = 0\n"));
    EXPECT_THAT(
        xl_config(machine(Mode::pv), disks),
        AllOf(HasSubstr("type = \"pv\"\n"), HasSubstr("bootloader = \"pygrub\"\n"), Not(HasSubstr("\nboot = "))));
    EXPECT_THAT(xl_config(machine(Mode::pvh), disks), HasSubstr("type = \"pvh\"\n"));
    Hardware uefi = machine(Mode::pvhvm);
    uefi.firmware = formats::Firmware::uefi;
    EXPECT_THAT(xl_config(uefi, disks), HasSubstr("firmware = \"ovmf\"\n"));
}

TEST(DomainConfig, libvirt_gets_well_formed_xml_for_both_hypervisors) {
    const std::vector<std::string> disks{"/a.raw"};
    const std::string xen = libvirt_xml(machine(Mode::pvhvm), disks, Hypervisor::xen);
    EXPECT_THAT(xen, AllOf(HasSubstr("<domain type=\"xen\">"), HasSubstr("Debian &lt;12&gt; &amp; \"more\""),
                           HasSubstr("dev=\"xvda\" bus=\"xen\""), HasSubstr("<memory unit=\"KiB\">1572864</memory>")));
    const std::string kvm = libvirt_xml(machine(Mode::pv), disks, Hypervisor::kvm);
    EXPECT_THAT(kvm, AllOf(HasSubstr("<domain type=\"kvm\">"), HasSubstr(">hvm</type>"), HasSubstr("bus=\"virtio\""),
                           Not(HasSubstr("pygrub"))));
    EXPECT_THAT(libvirt_xml(machine(Mode::pv), disks, Hypervisor::xen),
                AllOf(HasSubstr(">linux</type>"), HasSubstr("<bootloader>/usr/bin/pygrub</bootloader>")));
}

}  // namespace
