// SPDX-License-Identifier: Apache-2.0
#include "builders/steps/bootloader.hpp"

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "builders/job/errors.hpp"

namespace builders::steps {
namespace {

namespace fs = std::filesystem;

class Bootloader {
public:
    Bootloader(const BuildPlan& plan, const packages::Family& family, Guest& guest, Progress& progress)
        : plan_(plan), family_(family), guest_(guest), progress_(progress) {}

    void install() {
        const StoragePlan& storage = plan_.storage;
        if (storage.boots_by_bios()) tool(family_.loader.bios + " " + boot_disk());
        progress_.fraction(0.4);
        if (storage.boots_by_uefi()) tool(family_.loader.uefi);
        progress_.fraction(0.6);
        guest_.command({"mkdir", "-p", fs::path(family_.boot.menu).parent_path()});
        tool(family_.loader.menu);
        if (plan_.hardware.mode == formats::Mode::pv) write_legacy_menu();
    }

private:
    // All that a program says, on whichever output it counts: of a failed one only standard error is passed on.
    void tool(const std::string& command) {
        const std::string said =
            guest_.command({"sh", "-c",
                            "said=$(" + command + " 2>&1) || { echo \"" + command +
                                " failed with exit code $?: $said\" >&2; exit 1; }; echo \"$said\""});
        std::istringstream lines(said);
        for (std::string line; std::getline(lines, line);) progress_.line(line);
    }

    // The appliance's kernel names disks in the order it happens to find them; their labels stay.
    std::string boot_disk() {
        const std::string said = guest_.command({"readlink", "-f", guest_.disk_link(0)});
        const std::string disk = said.substr(0, said.find('\n'));
        if (!disk.starts_with("/dev/") || disk == guest_.disk_link(0))
            throw StepFailed("the first disk is not where it should be in the appliance: '" + said + "'");
        return disk;
    }

    // For pv-grub and old pygrub: kernels as grub.cfg has them, newest first, on a disk without GRUB's own loader.
    void write_legacy_menu() {
        const packages::BootFiles& files = family_.boot;
        std::istringstream images(guest_.command({"sh", "-c", "ls " + files.kernel.pattern + " | sort -Vr"}));
        const bool own_boot =
            std::any_of(plan_.storage.disks[0].partitions.begin(), plan_.storage.disks[0].partitions.end(),
                        [](const PartitionPlan& p) { return p.file_system.mount_point == "/boot"; });
        const auto seen_by_loader = [&](const std::string& path) {
            return own_boot ? path.substr(std::string("/boot").size()) : path;
        };
        const bool whole = plan_.storage.layout == Layout::partitionless;
        int number = 0;
        for (const PartitionPlan& part : plan_.storage.disks[0].partitions)
            if (part.file_system.mount_point == (own_boot ? "/boot" : "/")) number = part.number - 1;
        const std::string root = whole ? "(hd0)" : "(hd0," + std::to_string(number) + ")";
        std::string uuid;
        for_each_file_system(plan_.storage, [&](const std::string&, const FileSystemPlan& system) {
            if (system.mount_point == "/") uuid = system.uuid;
        });
        std::string menu = "default 0\ntimeout " + std::to_string(plan_.timeout) + "\n";
        for (std::string image; std::getline(images, image);) {
            const std::string version = files.kernel.version(image);
            menu += "\ntitle " + plan_.distribution.title + ", " + version + "\n\troot " + root + "\n\tkernel " +
                    seen_by_loader(image) + " root=UUID=" + uuid + " ro " + plan_.kernel_arguments + "\n\tinitrd " +
                    seen_by_loader(files.initramfs.of(version)) + "\n";
        }
        guest_.write_file(files.legacy_menu, menu);
    }

    const BuildPlan& plan_;
    const packages::Family& family_;
    Guest& guest_;
    Progress& progress_;
};

}  // namespace

void install_bootloader(const BuildPlan& plan, const packages::Family& family, Guest& guest, Progress& progress) {
    Bootloader(plan, family, guest, progress).install();
}

}  // namespace builders::steps
