// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "builders/plan/plan_parts.hpp"

namespace builders::plan {
namespace {

constexpr std::uint64_t mib = std::uint64_t{1} << 20;
constexpr std::uint64_t grain = 2 * mib;  // XenServer's VHDs are whole multiples of it

std::string in_mib(std::uint64_t bytes) {
    return std::to_string(bytes / mib) + " MiB";
}

std::string default_fstype(const std::string& mount_point) {
    if (mount_point == "swap") return "swap";
    if (mount_point == "/boot/efi") return "vfat";
    return "ext4";
}

struct Wanted {
    const kickstart::Partition* part;
    std::uint64_t size, most;
    bool grow;
};

bool check(const kickstart::Partition& part, Errors& errors) {
    const std::string name = "part " + part.mount_point;
    const std::size_t before = errors.size();
    if (part.encrypted)
        refuse(errors, part.line, name + ": --encrypted: a published image with its own key protects nothing");
    if (!part.on_part.empty())
        refuse(errors, part.line, name + ": --onpart: an image has no partitions before it is built");
    if (part.no_format)
        refuse(errors, part.line, name + ": --noformat: an image has no file systems before it is built");
    if (!part.mount_point.starts_with('/') && part.mount_point != "swap")
        refuse(errors, part.line,
               name + ": not a mount point or swap; LVM, RAID and boot partitions are not built yet");
    const std::string fstype = part.fstype.empty() ? default_fstype(part.mount_point) : part.fstype;
    constexpr std::array known{"ext2", "ext3", "ext4", "xfs", "vfat", "swap"};
    if (std::find(known.begin(), known.end(), fstype) == known.end())
        refuse(errors, part.line,
               name + ": file system '" + fstype + "' is not built; ext2, ext3, ext4, xfs, vfat and swap are");
    if ((fstype == "swap") != (part.mount_point == "swap"))
        refuse(errors, part.line, name + ": --fstype=" + fstype + " does not fit the mount point");
    if (part.mount_point == "/boot" && fstype == "swap") refuse(errors, part.line, name + ": cannot be swap");
    const bool no_size = !part.size_mib && !part.recommended && !(part.mount_point == "swap" && part.hibernation);
    if (no_size || (part.size_mib && *part.size_mib < 1))
        refuse(errors, part.line, name + ": needs --size=MIB of at least 1");
    if (part.size_mib && *part.size_mib > (std::int64_t{1} << 24))
        refuse(errors, part.line, name + ": --size=" + std::to_string(*part.size_mib) + " MiB is more than any disk");
    return errors.size() == before;
}

// What is left goes to the growing partitions in the proportion of their sizes, up to their maximum.
void grow(std::vector<Wanted>& wanted, std::uint64_t left) {
    while (left >= mib) {
        std::uint64_t total = 0;
        for (const Wanted& w : wanted)
            if (w.grow && w.size < w.most) total += w.size;
        if (total == 0) return;
        const std::uint64_t share = left;
        bool changed = false;
        for (Wanted& w : wanted) {
            if (!w.grow || w.size >= w.most) continue;
            const auto part = static_cast<std::uint64_t>(static_cast<double>(share) * static_cast<double>(w.size) /
                                                         static_cast<double>(total));
            std::uint64_t more = std::min({part, w.most - w.size, left}) / mib * mib;
            if (more == 0 && left >= mib && !changed) more = mib;
            w.size += more;
            left -= more;
            changed = changed || more > 0;
        }
        if (!changed) return;
    }
}

}  // namespace

void plan_disk(const kickstart::Recipe& recipe, const BuildOptions& options, BuildPlan& plan, Errors& errors) {
    DiskPlan& disk = plan.disk;
    const std::uint64_t asked = options.disk_bytes.value_or(8 * 1024 * mib);
    disk.size = (asked + grain - 1) / grain * grain;
    if (disk.size != asked)
        plan.notes.push_back({0, "disk: " + std::to_string(asked) + " bytes are padded to " +
                                     std::to_string(disk.size) + ", a multiple of 2 MiB"});
    if (recipe.clear_part && !recipe.clear_part->disk_label.empty() && recipe.clear_part->disk_label != "msdos")
        refuse(
            errors, recipe.clear_part->line,
            "clearpart --disklabel=" + recipe.clear_part->disk_label + ": only msdos partition tables are built yet");

    std::vector<kickstart::Partition> parts = recipe.partitions;
    if (recipe.auto_part) {
        const kickstart::AutoPart& automatic = *recipe.auto_part;
        if (automatic.encrypted)
            refuse(errors, automatic.line, "autopart --encrypted: a published image with its own key protects nothing");
        for (const char* type : {"btrfs", "thinp"})
            if (automatic.type == type)
                refuse(errors, automatic.line, std::string("autopart --type=") + type + ": not built into images");
        plan.notes.push_back({automatic.line, "autopart: one partition for /, without LVM, swap or /home"});
        kickstart::Partition root;
        root.line = automatic.line;
        root.mount_point = "/";
        root.fstype = automatic.fstype;
        root.size_mib = 1024;
        root.grow = true;
        parts = {root};
    }
    if (parts.empty()) {
        plan.notes.push_back({0, "the recipe has no part and no autopart: one partition for / on the whole disk"});
        kickstart::Partition root;
        root.mount_point = "/";
        root.size_mib = 512;
        root.grow = true;
        parts = {root};
    }

    std::vector<Wanted> wanted;
    std::vector<std::string> mount_points;
    std::string first_disk;
    for (const kickstart::Partition& part : parts) {
        if (!check(part, errors)) continue;
        if (std::find(mount_points.begin(), mount_points.end(), part.mount_point) != mount_points.end() &&
            part.mount_point != "swap")
            refuse(errors, part.line, "part " + part.mount_point + ": stands there twice");
        mount_points.push_back(part.mount_point);
        if (!part.disk.empty() && !first_disk.empty() && part.disk != first_disk)
            refuse(errors, part.line,
                   "part --ondisk=" + part.disk + ": a second disk (the first is " + first_disk + ") is not built yet");
        if (first_disk.empty()) first_disk = part.disk;
        if (!part.mkfs_options.empty())
            plan.notes.push_back({part.line, "part " + part.mount_point + ": --mkfsoptions is ignored"});
        if (!part.fs_profile.empty())
            plan.notes.push_back({part.line, "part " + part.mount_point + ": --fsprofile is ignored"});
        const std::uint64_t size = static_cast<std::uint64_t>(part.size_mib.value_or(1024)) * mib;
        const std::uint64_t most =
            part.max_size_mib ? static_cast<std::uint64_t>(*part.max_size_mib) * mib : UINT64_MAX;
        wanted.push_back({&part, size, std::max(size, most), part.grow});
    }
    if (!errors.empty()) return;
    if (std::find(mount_points.begin(), mount_points.end(), "/") == mount_points.end())
        return refuse(errors, parts.front().line, "part: there is no partition for /");
    if (wanted.size() > 4)
        return refuse(errors, wanted[4].part->line,
                      "part: " + std::to_string(wanted.size()) + " partitions; an msdos table has four primary ones");
    // As Anaconda does: /boot first, then as written, so that the last one can grow later.
    std::stable_sort(wanted.begin(), wanted.end(), [](const Wanted& a, const Wanted& b) {
        return (a.part->mount_point == "/boot") > (b.part->mount_point == "/boot");
    });
    std::uint64_t sum = mib;  // before the first partition: MBR and the boot loader's core
    for (const Wanted& w : wanted) sum += w.size;
    if (sum > disk.size)
        return refuse(errors, wanted.back().part->line,
                      "part: the partitions need " + in_mib(sum) + ", the disk has " + in_mib(disk.size) +
                          "; ask for a larger one with disk=");
    grow(wanted, disk.size - sum);

    std::uint64_t offset = mib;
    for (const Wanted& w : wanted) {
        PartitionPlan part;
        part.number = static_cast<int>(disk.partitions.size()) + 1;
        part.offset = offset;
        part.size = w.size;
        part.mount_point = w.part->mount_point;
        part.fstype = w.part->fstype.empty() ? default_fstype(part.mount_point) : w.part->fstype;
        part.label = w.part->label;
        if (!w.part->fs_options.empty()) part.fs_options = w.part->fs_options;
        disk.partitions.push_back(part);
        offset += w.size;
    }
    const auto boots = [&](const PartitionPlan& part) { return part.mount_point == "/boot"; };
    auto active = std::find_if(disk.partitions.begin(), disk.partitions.end(), boots);
    if (active == disk.partitions.end())
        active = std::find_if(disk.partitions.begin(), disk.partitions.end(),
                              [](const PartitionPlan& part) { return part.mount_point == "/"; });
    active->active = true;
}

TreeFile fstab(const DiskPlan& disk) {
    std::vector<const PartitionPlan*> parts;
    for (const PartitionPlan& part : disk.partitions) parts.push_back(&part);
    std::sort(parts.begin(), parts.end(), [](const auto* a, const auto* b) { return a->mount_point < b->mount_point; });
    std::string text = "# file system, mount point, type, options, dump, pass\n";
    for (const PartitionPlan* part : parts) {
        const bool swap = part->fstype == "swap";
        const std::string pass = swap || part->fstype == "xfs" ? "0" : part->mount_point == "/" ? "1" : "2";
        text += "UUID=" + part->uuid + " " + (swap ? "none" : part->mount_point) + " " + part->fstype + " " +
                (swap && part->fs_options == "defaults" ? "sw" : part->fs_options) + " 0 " + pass + "\n";
    }
    return {"/etc/fstab", text};
}

}  // namespace builders::plan
