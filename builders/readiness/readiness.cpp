// SPDX-License-Identifier: Apache-2.0
#include "builders/readiness/readiness.hpp"

#include <set>
#include <span>
#include <sstream>

#include "builders/job/errors.hpp"
#include "builders/plan/boot_table.hpp"
#include "builders/readiness/kernel_image.hpp"

namespace builders::readiness {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

bool has(const std::string& text, const std::string& what) {
    return text.find(what) != std::string::npos;
}

class Checks {
public:
    Checks(const BuildPlan& plan, Guest& guest) : plan_(plan), guest_(guest) {}

    std::vector<Finding> all() {
        if (plan_.bootloader) {
            kernels();
            boot_code();
            command_line();
        }
        fstab();
        identity();
        passwords();
        return std::move(findings_);
    }

private:
    void add(const char* id, bool passed, const std::string& message) { findings_.push_back({id, passed, message}); }

    void kernels() {
        int count = 0;
        for (const std::string& image :
             lines_of(guest_.command({"sh", "-c", "ls /boot/vmlinuz-* 2>/dev/null || true"}))) {
            ++count;
            const std::string version = image.substr(std::string("/boot/vmlinuz-").size());
            const std::string config = guest_.read_file("/boot/config-" + version);
            mode(version, config);
            const std::string content = guest_.command(
                {"sh", "-c", "lsinitramfs \"$0\" 2>/dev/null | grep -E 'xen-(blk|net)front|ata_piix|sd_mod' || true",
                 "/boot/initrd.img-" + version});
            for (const auto& [id, module, option] :
                 {std::tuple{"K3", "xen-blkfront", "CONFIG_XEN_BLKDEV_FRONTEND=y"},
                  std::tuple{"K4", "xen-netfront", "CONFIG_XEN_NETDEV_FRONTEND=y"}}) {
                const bool built_in = has(config, option);
                add(id, built_in || has(content, std::string(module) + ".ko"),
                    "/boot/initrd.img-" + version + ": " + module +
                        (built_in ? " is built into the kernel" : " must be in the initramfs"));
            }
            if (plan_.hardware.mode == formats::Mode::hvm) emulated_devices(version, config, content);
        }
        add("K0", count > 0, std::to_string(count) + " kernels under /boot");
    }

    // What xl gives a guest without its platform device: IDE disks, an e1000 card.
    void emulated_devices(const std::string& version, const std::string& config, const std::string& initramfs) {
        for (const auto& [module, option] :
             {std::pair{"ata_piix", "CONFIG_ATA_PIIX=y"}, std::pair{"sd_mod", "CONFIG_BLK_DEV_SD=y"}})
            add("K8", has(config, option) || has(initramfs, std::string(module) + ".ko"),
                "/boot/initrd.img-" + version + ": " + module + " reads the emulated disk");
        const std::string modules =
            guest_.command({"sh", "-c", "grep -ohE '/e1000[.]ko' \"$0/modules.dep\" \"$0/modules.builtin\" || true",
                            "/lib/modules/" + version});
        add("K9", has(modules, "e1000.ko"),
            "/lib/modules/" + version + ": e1000 drives the network card that xl.cfg names for mode=hvm");
    }

    // Whether this kernel can run in the plan's mode, by its configuration and by what it tells Xen itself.
    void mode(const std::string& version, const std::string& config) {
        using formats::Mode;
        const Mode mode = plan_.hardware.mode;
        const std::string where = "/boot/config-" + version;
        if (mode == Mode::pvhvm || mode == Mode::hvm)
            return add("K1", has(config, "CONFIG_XEN=y") && has(config, "CONFIG_XEN_PVHVM=y"),
                       where + ": the kernel can be a PVHVM guest");
        std::set<std::uint32_t> notes;
        try {
            const std::string image = guest_.read_file("/boot/vmlinuz-" + version);
            notes = xen_notes(std::as_bytes(std::span(image)));
        } catch (const std::exception& error) {
            return add(mode == Mode::pv ? "K7" : "K6", false, "/boot/vmlinuz-" + version + ": " + error.what());
        }
        const char* another = "; install another kernel, or choose mode=pvhvm, which is the fastest on most hosts";
        const bool pv = mode == Mode::pv;
        const bool option = has(config, pv ? "CONFIG_XEN_PV=y" : "CONFIG_PVH=y") && has(config, "CONFIG_XEN=y");
        const bool note = notes.contains(pv ? note_entry : note_phys32_entry);
        add(pv ? "K7" : "K6", option && note,
            option && note
                ? where + ": the kernel can be a " + (pv ? "PV" : "PVH") + " guest, and says so to Xen"
                : "kernel " + version + " cannot be a " + (pv ? "PV" : "PVH") + " guest (" +
                      (option ? "" : std::string(pv ? "CONFIG_XEN_PV" : "CONFIG_PVH") + " is off; ") +
                      (note ? ""
                            : std::string("no ELF note ") + (pv ? "XEN_ELFNOTE_ENTRY" : "XEN_ELFNOTE_PHYS32_ENTRY")) +
                      ")" + another);
    }

    void boot_code() {
        const StoragePlan& storage = plan_.storage;
        const formats::Hardware& machine = plan_.hardware;
        const auto refusal = cannot_boot(storage, machine.mode);
        const BootWay way = boot_way(storage.layout, machine.mode);
        add("B3", !refusal,
            refusal ? refusal->message
                    : "layout=" + std::string(to_string(storage.layout)) + " starts in mode=" +
                          std::string(to_string(machine.mode)) + " by " + std::string(to_string(way)));
        if (way == BootWay::pygrub) {
            const std::string menu = machine.mode == formats::Mode::pv ? "/boot/grub/menu.lst" : "/boot/grub/grub.cfg";
            add("B4", guest_.exists(menu), menu + ": what pygrub reads");
        }
        // What the domain's file says of firmware must be on the disk, whatever the layout promises.
        const bool firmware = way != BootWay::pygrub;
        if (storage.boots_by_uefi() || (firmware && machine.firmware == formats::Firmware::uefi)) {
            const bool fallback = guest_.exists("/boot/efi/EFI/BOOT/BOOTX64.EFI");
            add("B2", fallback, "/EFI/BOOT/BOOTX64.EFI is on the EFI system partition");
        }
        if (!storage.boots_by_bios() && !(firmware && machine.firmware == formats::Firmware::bios)) return;
        const std::string mbr = guest_.read_disk(512);
        const bool code = mbr.substr(0, 440).find_first_not_of('\0') != std::string::npos;
        const bool magic = mbr.size() == 512 && mbr[510] == '\x55' && mbr[511] == static_cast<char>(0xaa);
        add("B1", code && magic, "the MBR has boot code and its signature");
    }

    void command_line() {
        const std::string config = guest_.read_file("/boot/grub/grub.cfg");
        int entries = 0;
        for (const std::string& line : lines_of(config)) {
            std::istringstream words(line);
            std::string word;
            if (!(words >> word) || word != "linux") continue;
            ++entries;
            // GRUB's own scripts name a logical volume by its mapper path, which is as stable as a UUID.
            const bool by_uuid = has(line, "root=UUID=") && !has(line, "/dev/");
            add("R1", by_uuid || has(line, "root=/dev/mapper/"), "grub.cfg: root by UUID or volume name:" + line);
            std::vector<std::string> consoles{"console=hvc0"};
            if (plan_.hardware.mode != formats::Mode::pv) consoles.emplace_back("console=tty0");
            if (plan_.hardware.mode == formats::Mode::pvhvm || plan_.hardware.mode == formats::Mode::hvm)
                consoles.emplace_back("console=ttyS0");
            for (const std::string& console : consoles)
                if (!has(line, console)) add("C1", false, "grub.cfg: no " + console + ":" + line);
            for (const char* bad : {"xen_emul_unplug=never", "xen_nopv", "clocksource="})
                if (has(line, bad))
                    add("K5", false, "grub.cfg: " + std::string(bad) + " keeps PVHVM from working:" + line);
        }
        add("B1", entries > 0, "grub.cfg has " + std::to_string(entries) + " kernels to boot");
    }

    void fstab() {
        for (const std::string& line : lines_of(guest_.read_file("/etc/fstab")))
            if (!line.starts_with("#") && !line.empty())
                add("R2", line.starts_with("UUID="), "/etc/fstab: by UUID: " + line);
    }

    void identity() {
        add("S1", guest_.exists("/etc/machine-id") && guest_.read_file("/etc/machine-id").empty(),
            "/etc/machine-id is there and empty");
        const std::string keys = guest_.command({"sh", "-c", "ls /etc/ssh/ssh_host_* 2>/dev/null || true"});
        add("S2", keys.empty(), keys.empty() ? "no SSH host keys" : "SSH host keys are in the image: " + keys);
        const std::string macs = guest_.command({"sh", "-c",
                                                 "grep -rliE '([0-9a-f]{2}:){5}[0-9a-f]{2}' /etc/systemd/network "
                                                 "/etc/network /etc/netplan /etc/udev/rules.d 2>/dev/null || true"});
        add("N1", macs.empty(),
            macs.empty() ? "no MAC address in the network configuration" : "a MAC address is in " + macs);
    }

    void passwords() {
        std::string open;
        for (const std::string& line : lines_of(guest_.read_file("/etc/shadow"))) {
            const std::size_t colon = line.find(':');
            if (colon != std::string::npos && line.find(':', colon + 1) == colon + 1)
                open += " " + line.substr(0, colon);
        }
        add("S3", open.empty(),
            open.empty() ? "no account without a password" : "accounts with an empty password:" + open);
    }

    const BuildPlan& plan_;
    Guest& guest_;
    std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> check(const BuildPlan& plan, Guest& guest) {
    return Checks(plan, guest).all();
}

}  // namespace builders::readiness
