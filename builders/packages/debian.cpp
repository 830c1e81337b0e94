// SPDX-License-Identifier: Apache-2.0
#include "builders/packages/debian.hpp"

#include <sstream>

#include "builders/packages/apt_sources.hpp"
#include "builders/packages/mmdebstrap.hpp"

namespace builders::packages {
namespace {

constexpr const char* grub_menu = "/boot/grub/grub.cfg";

std::vector<BootEntry> grub_entries(Guest& guest) {
    std::vector<BootEntry> entries;
    std::istringstream lines(guest.read_file(grub_menu));
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string word;
        if (words >> word && word == "linux") entries.push_back({.file = "grub.cfg", .line = line});
    }
    return entries;
}

}  // namespace

const Family& debian() {
    static const Family family{
        .name = "debian",
        .view = {.folders = {"/etc/apt", "/etc/apt/apt.conf.d", "/etc/dpkg"},
                 .read_only = {"/etc/apt/trusted.gpg.d", "/etc/dpkg/origins"},
                 .users = "_apt:x:42:65534::/nonexistent:/usr/sbin/nologin\n",
                 .environment = {{"DEBIAN_FRONTEND", "noninteractive"}}},
        .boot = {.kernel = {"/boot/vmlinuz-*"},
                 .config = {"/boot/config-*"},
                 .initramfs = {"/boot/initrd.img-*"},
                 .list_initramfs = "lsinitramfs",
                 .add_module = "echo * >>/etc/initramfs-tools/modules && update-initramfs -u -k all",
                 .menu = grub_menu,
                 .legacy_menu = "/boot/grub/menu.lst"},
        .loader = {.bios = "grub-install --target=i386-pc --no-floppy --recheck",
                   .uefi = "grub-install --target=x86_64-efi --efi-directory=/boot/efi --no-nvram "
                           "--force-extra-removable --recheck",
                   .menu = "update-grub"},
        .traces = {.emptied = {"var/cache/apt", "var/lib/apt/lists"},
                   .kept = {"var/cache/apt/archives/partial", "var/lib/apt/lists/partial"},
                   .documentation = "rm -rf usr/share/man/* usr/share/info/* && "
                                    "find usr/share/doc -type f ! -name copyright -delete && "
                                    "find usr/share/doc -type l -delete && "
                                    "find usr/share/doc -mindepth 1 -type d -empty -delete"},
        .agents = {.packages = {"xe-guest-utilities*", "xen-guest-agent"},
                   .where = "Ubuntu's universe has the first, Debian has neither"},
        .sources = apt_sources_of,
        .install = install_with_mmdebstrap,
        .boot_entries = grub_entries};
    return family;
}

}  // namespace builders::packages
