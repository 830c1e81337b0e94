// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "formats/machine/domain_config.hpp"
#include "formats/machine/mode_advice.hpp"
#include "tests/support/memory.hpp"

namespace {

using namespace formats::machine;
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
    EXPECT_THAT(xl_config(machine(Mode::hvm), disks),
                AllOf(HasSubstr("xen_platform_pci = 0\n"), HasSubstr("\"bridge=xenbr0, model=e1000\"")));
    EXPECT_THAT(
        xl_config(machine(Mode::pv), disks),
        AllOf(HasSubstr("type = \"pv\"\n"), HasSubstr("bootloader = \"pygrub\"\n"), Not(HasSubstr("\nboot = "))));
    EXPECT_THAT(xl_config(machine(Mode::pvh), disks), HasSubstr("type = \"pvh\"\n"));
    Hardware uefi = machine(Mode::pvhvm);
    uefi.firmware = formats::Firmware::uefi;
    EXPECT_THAT(xl_config(uefi, disks), HasSubstr("firmware = \"ovmf\"\n"));
}

TEST(DomainConfig, of_hvm_agrees_with_the_advice_on_it) {
    EXPECT_THAT(mode_advice(Mode::hvm), AllOf(HasSubstr("leaves Xen's platform device out"), HasSubstr("e1000")));
    EXPECT_THAT(xl_config(machine(Mode::hvm), {"/a.raw"}), HasSubstr("model=e1000"));
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
    const std::string hvm = libvirt_xml(machine(Mode::hvm), disks, Hypervisor::xen);
    EXPECT_THAT(hvm, AllOf(HasSubstr("dev=\"hda\" bus=\"ide\""), HasSubstr("<model type=\"e1000\"/>")));
}

TEST(DomainConfig, a_logical_volume_is_a_block_device_and_not_a_file) {
    const std::vector<std::string> disks{"/dev/vg0/guest"};
    EXPECT_THAT(xl_config(machine(Mode::pvhvm), disks), HasSubstr("target=/dev/vg0/guest"));
    for (const Hypervisor hypervisor : {Hypervisor::xen, Hypervisor::kvm})
        EXPECT_THAT(libvirt_xml(machine(Mode::pvhvm), disks, hypervisor),
                    AllOf(HasSubstr("<disk type=\"block\""), HasSubstr("<source dev=\"/dev/vg0/guest\"/>")));
}

TEST(DomainConfig, says_how_to_get_the_disk_that_it_names) {
    const auto one = how_to_get_disks("x.xva.xz", "x", {"/i/x-disk1.raw"});
    EXPECT_THAT(xl_config(machine(Mode::pvhvm), {"/i/x-disk1.raw"}, one),
                AllOf(HasSubstr("#   xenkiln convert x.xva.xz /i/x-disk1.raw\n"),
                      HasSubstr("#   curl -o /i/x-disk1.raw SERVICE/v1/images/x/disk.raw\n")));
    const auto two = how_to_get_disks("x.xva.xz", "x", {"/i/1.raw", "/i/2.raw"});
    EXPECT_THAT(
        libvirt_xml(machine(Mode::pvhvm), {"/i/1.raw", "/i/2.raw"}, Hypervisor::xen, two),
        AllOf(HasSubstr("xenkiln convert x.xva.xz /i/2.raw, with its option disk 2"), HasSubstr("disk.raw?disk=2")));
    // A comment of XML cannot hold two hyphens, an option of xl.cfg no second line.
    const std::string xml = libvirt_xml(machine(Mode::pvhvm), {"/a.raw"}, Hypervisor::xen, {"a--b---c-->"});
    EXPECT_EQ(xml.find("--", xml.find("<!--") + 4), xml.find("-->"));
    EXPECT_THAT(xl_config(machine(Mode::pvhvm), {"/a.raw"}, {"a\nname = \"b\""}), Not(HasSubstr("\nname = \"b\"")));
}

TEST(DomainConfig, of_kvm_is_for_a_disk_that_its_firmware_starts) {
    support::MemoryDisk nothing(1 << 20), code(1 << 20);
    code.fill(0, 512, 1);
    EXPECT_FALSE(starts_under_kvm(machine(Mode::pvhvm), nothing));
    EXPECT_FALSE(starts_under_kvm(machine(Mode::pvhvm), code));  // no signature
    struct Signed : support::MemoryDisk {
        using MemoryDisk::MemoryDisk;
        void read_at(std::uint64_t offset, std::span<std::byte> out) override {
            MemoryDisk::read_at(offset, out);
            if (offset > 0 || out.size() < 512) return;
            out[510] = std::byte{0x55};
            out[511] = std::byte{0xaa};
        }
    } bootable(1 << 20);
    bootable.fill(0, 512, 1);
    EXPECT_TRUE(starts_under_kvm(machine(Mode::pvhvm), bootable));
    EXPECT_TRUE(starts_under_kvm(machine(Mode::pvh), bootable));
    EXPECT_FALSE(starts_under_kvm(machine(Mode::pv), bootable));  // no console there
    Hardware uefi = machine(Mode::pvhvm);
    uefi.firmware = formats::Firmware::uefi;
    EXPECT_FALSE(starts_under_kvm(uefi, bootable));
}

}  // namespace
