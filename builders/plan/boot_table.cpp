// SPDX-License-Identifier: Apache-2.0
#include "builders/plan/boot_table.hpp"

namespace builders {
namespace {

using formats::Mode;

constexpr std::size_t emulated_disks = 4;  // of IDE, which is what Xen gives a guest without its own devices

struct KernelPlace {
    FileSystemPlan file_system;
    std::string device;
    bool on_volume = false;
};

// "/boot" where there is one, else "/".
KernelPlace kernel_place(const StoragePlan& storage) {
    KernelPlace place;
    for (const char* wanted : {"/", "/boot"})
        for_each_file_system(storage, [&](const std::string& name, const FileSystemPlan& system) {
            if (system.mount_point == wanted) place = {system, name, false};
        });
    for (const VolumeGroupPlan& group : storage.groups)
        place.on_volume = place.on_volume || place.device.starts_with("/dev/" + group.name + "/");
    return place;
}

std::optional<BootRefusal> pygrub_cannot_read(const StoragePlan& storage, Mode mode) {
    const KernelPlace place = kernel_place(storage);
    const std::string& fstype = place.file_system.fstype;
    const std::string where = place.file_system.mount_point + " is ";
    std::string wrong;
    if (place.on_volume)
        wrong = where + "a logical volume";
    else if (fstype != "ext2" && fstype != "ext3" && fstype != "ext4")
        wrong = where + fstype;
    else if (!place.device.starts_with(device(0)))
        wrong = where + "on another disk";
    else
        return std::nullopt;
    return BootRefusal{"mode=" + std::string(to_string(mode)) +
                           ": pygrub starts a kernel from a plain ext2, ext3 or ext4 of the first disk, and " + wrong +
                           "; add part /boot --fstype=ext4 --size=512 there, or choose mode=pvhvm",
                       place.file_system.mount_point};
}

}  // namespace

std::string_view to_string(BootWay way) {
    switch (way) {
        case BootWay::none:
            return "refused";
        case BootWay::bios:
            return "BIOS";
        case BootWay::uefi:
            return "UEFI";
        case BootWay::either_firmware:
            return "BIOS or UEFI";
        case BootWay::pygrub:
            break;
    }
    return "pygrub";
}

BootWay boot_way(Layout layout, Mode mode) {
    if (mode == Mode::pv || mode == Mode::pvh) return BootWay::pygrub;
    switch (layout) {
        case Layout::mbr:
        case Layout::gpt:
            return BootWay::bios;
        case Layout::uefi:
            return BootWay::uefi;
        case Layout::hybrid:
            return BootWay::either_firmware;
        case Layout::automatic:
        case Layout::partitionless:
            break;
    }
    return BootWay::none;
}

std::optional<BootRefusal> cannot_boot(Layout layout, Mode mode) {
    if (boot_way(layout, mode) != BootWay::none) return std::nullopt;
    return BootRefusal{"layout=" + std::string(to_string(layout)) +
                           ": no firmware boots it, and mode=" + std::string(to_string(mode)) +
                           " is started by firmware; choose mode=pv or mode=pvh, or another layout",
                       ""};
}

std::optional<BootRefusal> cannot_boot(const StoragePlan& storage, Mode mode) {
    if (auto refusal = cannot_boot(storage.layout, mode)) return refusal;
    if (boot_way(storage.layout, mode) == BootWay::pygrub) return pygrub_cannot_read(storage, mode);
    if (mode == Mode::hvm && storage.disks.size() > emulated_disks)
        return BootRefusal{"mode=hvm: Xen emulates " + std::to_string(emulated_disks) + " disks, the recipe has " +
                               std::to_string(storage.disks.size()) + "; choose mode=pvhvm",
                           ""};
    return std::nullopt;
}

}  // namespace builders
