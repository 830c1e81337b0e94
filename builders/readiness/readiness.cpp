// SPDX-License-Identifier: Apache-2.0
#include "builders/readiness/readiness.hpp"

#include <filesystem>
#include <set>
#include <span>
#include <sstream>
#include <utility>

#include "builders/readiness/kernel_image.hpp"

namespace builders::readiness {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

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
    Checks(const Wanted& wanted, Guest& guest) : wanted_(wanted), family_(wanted.family), guest_(guest) {}

    std::vector<Finding> all() {
        if (wanted_.boots) {
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
    void add(const char* id, bool passed, const std::string& message, std::optional<std::string> mend = {}) {
        if (passed) mend.reset();
        findings_.push_back({.id = id, .passed = passed, .message = message, .mend = std::move(mend)});
    }

    std::string into_initramfs(const std::string& module) const {
        std::string command = family_.boot.add_module;
        return "in the image: " + command.replace(command.find('*'), 1, module);
    }

    void kernels() {
        int count = 0;
        const packages::BootFiles& files = family_.boot;
        for (const std::string& image :
             lines_of(guest_.command({"sh", "-c", "ls " + files.kernel.pattern + " 2>/dev/null || true"}))) {
            ++count;
            const std::string version = files.kernel.version(image), initramfs = files.initramfs.of(version);
            const std::string config = guest_.read_file(files.config.of(version));
            mode(version, config);
            const std::string content = guest_.command(
                {"sh", "-c",
                 files.list_initramfs + " \"$0\" 2>/dev/null | grep -E 'xen-(blk|net)front|ata_piix|sd_mod' || true",
                 initramfs});
            for (const auto& [id, module, option] :
                 {std::tuple{"K3", "xen-blkfront", "CONFIG_XEN_BLKDEV_FRONTEND=y"},
                  std::tuple{"K4", "xen-netfront", "CONFIG_XEN_NETDEV_FRONTEND=y"}}) {
                const bool built_in = has(config, option);
                add(id, built_in || has(content, std::string(module) + ".ko"),
                    initramfs + ": " + module + (built_in ? " is built into the kernel" : " must be in the initramfs"),
                    into_initramfs(module));
            }
            if (wanted_.mode == formats::Mode::hvm) emulated_devices(version, config, content);
        }
        add("K0", count > 0, std::to_string(count) + " kernels under /boot");
    }

    // What xl gives a guest without its platform device: IDE disks, an e1000 card.
    void emulated_devices(const std::string& version, const std::string& config, const std::string& initramfs) {
        for (const auto& [module, option] :
             {std::pair{"ata_piix", "CONFIG_ATA_PIIX=y"}, std::pair{"sd_mod", "CONFIG_BLK_DEV_SD=y"}})
            add("K8", has(config, option) || has(initramfs, std::string(module) + ".ko"),
                family_.boot.initramfs.of(version) + ": " + module + " reads the emulated disk",
                into_initramfs(module));
        const std::string modules =
            guest_.command({"sh", "-c", "grep -ohE '/e1000[.]ko' \"$0/modules.dep\" \"$0/modules.builtin\" || true",
                            "/lib/modules/" + version});
        add("K9", has(modules, "e1000.ko"),
            "/lib/modules/" + version + ": e1000 drives the network card that xl.cfg names for mode=hvm",
            "install the distribution's generic kernel instead of the one for clouds, or choose mode=pvhvm");
    }

    // Whether this kernel can run in the wanted mode, by its configuration and by what it tells Xen itself.
    void mode(const std::string& version, const std::string& config) {
        using formats::Mode;
        const Mode mode = wanted_.mode;
        const std::string where = family_.boot.config.of(version), image_path = family_.boot.kernel.of(version);
        const char* another = "install another kernel, or choose mode=pvhvm, which is the fastest on most hosts";
        if (mode == Mode::pvhvm || mode == Mode::hvm)
            return add("K1", has(config, "CONFIG_XEN=y") && has(config, "CONFIG_XEN_PVHVM=y"),
                       where + ": the kernel can be a PVHVM guest", "install the distribution's own kernel");
        std::set<std::uint32_t> notes;
        try {
            const std::string image = guest_.read_file(image_path);
            notes = xen_notes(std::as_bytes(std::span(image)));
        } catch (const std::exception& error) {
            return add(mode == Mode::pv ? "K7" : "K6", false, image_path + ": " + error.what());
        }
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
                      ")",
            another);
    }

    void boot_code() {
        const Layout layout = wanted_.layout;
        const StoragePlan promised{.layout = layout, .disks = {}, .groups = {}};
        const BootWay way = boot_way(layout, wanted_.mode);
        add("B3", !wanted_.refusal,
            wanted_.refusal ? wanted_.refusal->message
                            : "layout=" + std::string(to_string(layout)) + " starts in mode=" +
                                  std::string(to_string(wanted_.mode)) + " by " + std::string(to_string(way)));
        if (way == BootWay::pygrub) {
            const bool legacy = wanted_.mode == formats::Mode::pv;
            const std::string& menu = legacy ? family_.boot.legacy_menu : family_.boot.menu;
            add("B4", guest_.exists(menu), menu + ": what pygrub reads",
                legacy ? std::nullopt : std::optional("in the image: " + family_.loader.menu));
        }
        // What the domain's file says of firmware must be on the disk, whatever the layout promises.
        const bool firmware = way != BootWay::pygrub;
        if (promised.boots_by_uefi() || (firmware && wanted_.firmware == formats::Firmware::uefi)) {
            const bool fallback = guest_.exists("/boot/efi/EFI/BOOT/BOOTX64.EFI");
            add("B2", fallback, "/EFI/BOOT/BOOTX64.EFI is on the EFI system partition",
                "in the image: " + family_.loader.uefi);
        }
        if (!promised.boots_by_bios() && !(firmware && wanted_.firmware == formats::Firmware::bios)) return;
        const std::string mbr = guest_.read_disk(512);
        const bool code = mbr.substr(0, 440).find_first_not_of('\0') != std::string::npos;
        const bool magic = mbr.size() == 512 && mbr[510] == '\x55' && mbr[511] == static_cast<char>(0xaa);
        add("B1", code && magic, "the MBR has boot code and its signature",
            "in the image: " + family_.loader.bios + " DISK");
    }

    void command_line() {
        const std::vector<packages::BootEntry> entries = family_.boot_entries(guest_);
        std::vector<std::string> consoles{"console=hvc0"};
        if (wanted_.mode != formats::Mode::pv) consoles.emplace_back("console=tty0");
        if (wanted_.mode == formats::Mode::pvhvm || wanted_.mode == formats::Mode::hvm)
            consoles.emplace_back("console=ttyS0");
        for (const auto& [file, line] : entries) {
            // GRUB's own scripts name a logical volume by its mapper path, which is as stable as a UUID.
            const bool by_uuid = has(line, "root=UUID=") && !has(line, "/dev/");
            add("R1", by_uuid || has(line, "root=/dev/mapper/"), file + ": root by UUID or volume name:" + line,
                "name it root=UUID=…, as blkid tells it");
            for (const std::string& console : consoles)
                if (!has(line, console))
                    add("C1", false, file + ": no " + console + ":" + line,
                        "add " + console + " to the kernel's arguments");
            for (const std::string bad : {"xen_emul_unplug=never", "xen_nopv", "clocksource="})
                if (has(line, bad))
                    add("K5", false, file + ": " + bad + " keeps PVHVM from working:" + line,
                        "take " + bad + " out of the kernel's arguments");
        }
        add("B1", !entries.empty(),
            fs::path(family_.boot.menu).filename().string() + " has " + std::to_string(entries.size()) +
                " kernels to boot",
            "in the image: " + family_.loader.menu);
    }

    void fstab() {
        for (const std::string& line : lines_of(guest_.read_file("/etc/fstab")))
            if (!line.starts_with("#") && !line.empty())
                add("R2", line.starts_with("UUID="), "/etc/fstab: by UUID: " + line,
                    "name it by UUID=…, as blkid tells it");
    }

    void identity() {
        add("S1", guest_.exists("/etc/machine-id") && guest_.read_file("/etc/machine-id").empty(),
            "/etc/machine-id is there and empty", "truncate -s 0 /etc/machine-id");
        const std::string keys = guest_.command({"sh", "-c", "ls /etc/ssh/ssh_host_* 2>/dev/null || true"});
        add("S2", keys.empty(), keys.empty() ? "no SSH host keys" : "SSH host keys are in the image: " + keys,
            "rm -f /etc/ssh/ssh_host_*; they are made at the first start");
        const std::string macs = guest_.command({"sh", "-c",
                                                 "grep -rliE '([0-9a-f]{2}:){5}[0-9a-f]{2}' /etc/systemd/network "
                                                 "/etc/network /etc/netplan /etc/udev/rules.d 2>/dev/null || true"});
        add("N1", macs.empty(),
            macs.empty() ? "no MAC address in the network configuration" : "a MAC address is in " + macs,
            "match the card by its name or driver instead");
    }

    void passwords() {
        std::string open;
        for (const std::string& line : lines_of(guest_.read_file("/etc/shadow"))) {
            const std::size_t colon = line.find(':');
            if (colon != std::string::npos && line.find(':', colon + 1) == colon + 1)
                open += " " + line.substr(0, colon);
        }
        add("S3", open.empty(),
            open.empty() ? "no account without a password" : "accounts with an empty password:" + open,
            "lock each: usermod --lock NAME");
    }

    const Wanted& wanted_;
    const packages::Family& family_;
    Guest& guest_;
    std::vector<Finding> findings_;
};

}  // namespace

Wanted wanted_of(const BuildPlan& plan, const packages::Family& family) {
    return {.family = family,
            .boots = plan.bootloader,
            .mode = plan.hardware.mode,
            .firmware = plan.hardware.firmware,
            .layout = plan.storage.layout,
            .refusal = cannot_boot(plan.storage, plan.hardware.mode)};
}

std::vector<Finding> check(const Wanted& wanted, Guest& guest) {
    return Checks(wanted, guest).all();
}

std::string text_of(const Finding& finding) {
    return finding.id + " " + finding.message + (finding.mend ? "; " + *finding.mend : "");
}

json::object to_json(const Finding& finding) {
    json::object object{{"id", finding.id}, {"passed", finding.passed}, {"message", finding.message}};
    if (finding.mend) object["mend"] = *finding.mend;
    return object;
}

}  // namespace builders::readiness
