// SPDX-License-Identifier: Apache-2.0
#include "builders/readiness/readiness.hpp"

#include <gmock/gmock.h>

#include <map>

#include "builders/packages/debian.hpp"
#include "builders/readiness/guest_agent.hpp"

namespace {

using namespace builders;
using formats::Mode;
using readiness::Finding;
using testing::HasSubstr;

// A disk that is as it should be, but for what a test takes away.
class RecordedGuest : public Guest {
public:
    std::map<std::string, std::string> files{
        {"/boot/config-6.1", "CONFIG_XEN=y\nCONFIG_XEN_PVHVM=y\nCONFIG_XEN_BLKDEV_FRONTEND=m\n"},
        {"/boot/grub/grub.cfg", "linux /vmlinuz-6.1 root=UUID=1 console=tty0 console=hvc0 console=ttyS0,115200n8\n"},
        {"/boot/efi/EFI/BOOT/BOOTX64.EFI", "MZ"},
        {"/etc/fstab", "UUID=1 / ext4 defaults 0 1\n"},
        {"/etc/machine-id", ""},
        {"/etc/shadow", "root:!:1\n"}};
    std::string initramfs = "a/xen-blkfront.ko\na/xen-netfront.ko\na/ata_piix.ko\na/sd_mod.ko\n";
    std::string modules = "/e1000.ko\n";
    std::string first_sector = std::string(510, '\x90') + "\x55\xaa";

    void make_storage(const StoragePlan&) override {}
    std::string disk_link(std::size_t) const override { return "/dev/disk"; }
    void copy_in(int) override {}
    std::string command(const std::vector<std::string>& argv) override {
        const std::string& script = argv.at(2);
        return script.starts_with("ls /boot/vmlinuz")      ? "/boot/vmlinuz-6.1\n"
               : script.starts_with("lsinitramfs")         ? initramfs
               : script.find("e1000") != std::string::npos ? modules
                                                           : "";
    }
    bool exists(const std::string& path) override { return files.contains(path); }
    std::string read_file(const std::string& path) override { return files.at(path); }
    void write_file(const std::string&, const std::string&) override {}
    std::string read_disk(std::uint64_t length) override { return first_sector.substr(0, length); }
    void finish() override {}
};

BuildPlan machine(Layout layout, Mode mode) {
    BuildPlan plan;
    plan.storage.layout = layout;
    plan.storage.disks.resize(1);
    plan.storage.disks[0].whole = {"/", "ext4", "", "1", "defaults"};
    plan.hardware.mode = mode;
    plan.hardware.firmware = layout == Layout::uefi ? formats::Firmware::uefi : formats::Firmware::bios;
    return plan;
}

std::string failed(const std::vector<Finding>& findings) {
    std::string ids;
    for (const Finding& finding : findings)
        if (!finding.passed) ids += (ids.empty() ? "" : " ") + finding.id;
    return ids;
}

std::string failed(const BuildPlan& plan, RecordedGuest& guest) {
    return failed(readiness::check(readiness::wanted_of(plan, packages::debian()), guest));
}

TEST(Readiness, of_a_good_disk_finds_nothing_in_any_mode_that_firmware_starts) {
    RecordedGuest guest;
    for (const Layout layout : {Layout::mbr, Layout::gpt, Layout::uefi, Layout::hybrid})
        for (const Mode mode : {Mode::pvhvm, Mode::hvm}) EXPECT_EQ(failed(machine(layout, mode), guest), "");
}

TEST(Readiness, a_disk_without_boot_code_was_called_ready_as_its_layout_promised_none) {
    RecordedGuest guest;
    guest.first_sector = std::string(512, '\0');
    EXPECT_EQ(failed(machine(Layout::partitionless, Mode::pvhvm), guest), "B3 B1");
    EXPECT_EQ(failed(machine(Layout::mbr, Mode::pvhvm), guest), "B1");
    EXPECT_EQ(failed(machine(Layout::hybrid, Mode::hvm), guest), "B1");
    EXPECT_EQ(failed(machine(Layout::uefi, Mode::pvhvm), guest), "");
    guest.files.erase("/boot/efi/EFI/BOOT/BOOTX64.EFI");
    EXPECT_EQ(failed(machine(Layout::uefi, Mode::pvhvm), guest), "B2");
}

TEST(Readiness, hvm_needs_drivers_of_what_xen_emulates) {
    RecordedGuest guest;
    guest.modules = "";
    guest.initramfs = "a/xen-blkfront.ko\na/xen-netfront.ko\na/sd_mod.ko\n";
    EXPECT_EQ(failed(machine(Layout::mbr, Mode::hvm), guest), "K8 K9");
    EXPECT_EQ(failed(machine(Layout::mbr, Mode::pvhvm), guest), "");
}

TEST(Readiness, pygrub_needs_its_menu) {
    RecordedGuest guest;
    guest.files["/boot/vmlinuz-6.1"] = "none";
    EXPECT_THAT(failed(machine(Layout::partitionless, Mode::pv), guest), testing::EndsWith("B4"));
    guest.files["/boot/grub/menu.lst"] = "title x";
    EXPECT_THAT(failed(machine(Layout::partitionless, Mode::pv), guest), testing::Not(HasSubstr("B")));
}

TEST(Readiness, what_fails_says_what_would_help_and_what_passes_does_not) {
    RecordedGuest guest;
    guest.initramfs = "a/xen-netfront.ko\n";
    for (const Finding& finding : readiness::check({.family = packages::debian(), .layout = Layout::mbr}, guest)) {
        EXPECT_EQ(finding.passed, finding.id != "K3") << finding.message;
        EXPECT_EQ(finding.mend.has_value(), !finding.passed) << finding.id;
        EXPECT_EQ(readiness::to_json(finding).contains("mend"), !finding.passed) << finding.id;
        if (finding.passed) continue;
        EXPECT_EQ(readiness::text_of(finding),
                  "K3 /boot/initrd.img-6.1: xen-blkfront must be in the initramfs; in the image: echo xen-blkfront "
                  ">>/etc/initramfs-tools/modules && update-initramfs -u -k all");
    }
}

TEST(Readiness, needs_no_loader_of_a_disk_that_does_not_start_by_itself) {
    RecordedGuest guest;
    guest.first_sector = std::string(512, '\0');
    guest.files.erase("/boot/grub/grub.cfg");
    EXPECT_EQ(failed(readiness::check({.family = packages::debian(), .boots = false}, guest)), "");
}

TEST(GuestAgent, that_is_absent_is_said) {
    const auto note = readiness::no_guest_agent({{"openssh-server", "1", "amd64", ""}}, packages::debian().agents);
    ASSERT_TRUE(note);
    EXPECT_THAT(*note, HasSubstr("xe-guest-utilities"));
    EXPECT_FALSE(readiness::no_guest_agent({{"xe-guest-utilities", "7.20", "amd64", ""}}, packages::debian().agents));
}

}  // namespace
