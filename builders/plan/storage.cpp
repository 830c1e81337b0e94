// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cctype>

#include "builders/plan/boot.hpp"
#include "builders/plan/boot_table.hpp"
#include "builders/plan/storage_requests.hpp"

namespace builders::plan {
namespace {

constexpr std::uint64_t grain = 2 * mib;  // XenServer's VHDs are whole multiples of it
constexpr std::uint64_t default_disk = 8192 * mib;
constexpr std::uint64_t efi_system_size = 200 * mib;

std::string in_mib(std::uint64_t bytes) {
    return std::to_string(bytes / mib) + " MiB";
}

// What is left goes to the growing ones in the proportion of their sizes, up to their maximum, in whole units.
void grow(const std::vector<SpaceRequest*>& wanted, std::uint64_t left, std::uint64_t unit) {
    while (left >= unit) {
        std::uint64_t total = 0;
        for (const SpaceRequest* w : wanted)
            if (w->grow && w->size + unit <= w->most) total += w->size;
        if (total == 0) return;
        const std::uint64_t share = left;
        bool changed = false;
        for (SpaceRequest* w : wanted) {
            if (!w->grow || w->size + unit > w->most) continue;
            const auto part = static_cast<std::uint64_t>(static_cast<double>(share) * static_cast<double>(w->size) /
                                                         static_cast<double>(total));
            std::uint64_t more = std::min({part, w->most - w->size, left}) / unit * unit;
            if (more == 0 && left >= unit && !changed) more = unit;
            w->size += more;
            left -= more;
            changed = changed || more > 0;
        }
        if (!changed) return;
    }
}

class StoragePlanner {
public:
    StoragePlanner(const kickstart::Recipe& recipe, const BuildOptions& options, BuildPlan& plan, Errors& errors)
        : recipe_(recipe), options_(options), plan_(plan), storage_(plan.storage), errors_(errors) {}

    void make() {
        request_ = request_storage(recipe_, options_, plan_, errors_);
        if (!errors_.empty()) return;
        if (!has_root()) return refuse(first_line(), "part: there is no file system for /");
        widen_physical_volumes();
        name_disks();
        choose_layout();
        if (errors_.empty() && boots_) refuse_unbootable(cannot_boot(storage_.layout, mode_of(options_)));
        if (errors_.empty()) add_boot_partitions();
        if (errors_.empty()) place();
        if (errors_.empty() && boots_) refuse_unbootable(cannot_boot(storage_, mode_of(options_)));
    }

private:
    void refuse(int line, const std::string& message) { plan::refuse(errors_, line, message); }
    void note(int line, const std::string& message) { plan_.notes.push_back({line, message}); }
    int first_line() const { return recipe_.partitions.empty() ? 0 : recipe_.partitions.front().line; }

    void refuse_unbootable(const std::optional<BootRefusal>& refusal) {
        if (refusal) refuse(line_in_the_way(*refusal), refusal->message);
    }

    int line_in_the_way(const BootRefusal& refusal) const {
        const auto among = [&](const std::vector<SpaceRequest>& spaces) {
            for (const SpaceRequest& space : spaces)
                if (space.file_system.mount_point == refusal.mount_point) return space.line;
            return 0;
        };
        if (refusal.mount_point.empty()) {
            for (const char* key : {"layout", "mode"})
                for (const kickstart::OptionComment& comment : recipe_.options)
                    if (comment.key == key) return comment.line;
            return 0;
        }
        int line = among(request_.partitions);
        for (const GroupRequest& group : request_.groups) line = std::max(line, among(group.volumes));
        return line;
    }

    bool has_root() const {
        const auto is = [](const SpaceRequest& space) { return space.file_system.mount_point == "/"; };
        return std::any_of(request_.partitions.begin(), request_.partitions.end(), is) ||
               std::any_of(request_.groups.begin(), request_.groups.end(), [&](const GroupRequest& group) {
                   return std::any_of(group.volumes.begin(), group.volumes.end(), is);
               });
    }

    bool has_kind(PartitionKind kind) const {
        return std::any_of(request_.partitions.begin(), request_.partitions.end(),
                           [&](const SpaceRequest& space) { return space.kind == kind; });
    }

    // Disks of any name, in the order they are named; the one to boot from is the first.
    void name_disks() {
        const auto add = [&](std::string name) {
            if (name.starts_with("/dev/")) name.erase(0, 5);
            if (!name.empty() && std::find(names_.begin(), names_.end(), name) == names_.end()) names_.push_back(name);
        };
        if (recipe_.bootloader) {
            const bool used =
                std::any_of(request_.partitions.begin(), request_.partitions.end(),
                            [&](const auto& space) { return space.disk == recipe_.bootloader->boot_drive; });
            if (used) add(recipe_.bootloader->boot_drive);
        }
        for (const char* boots : {"/boot", "/"})
            for (const SpaceRequest& space : request_.partitions)
                if (space.file_system.mount_point == boots) add(space.disk);
        for (const SpaceRequest& space : request_.partitions) add(space.disk);
        if (names_.empty()) names_.emplace_back();
        for (std::size_t i = 0; i < names_.size(); ++i) {
            const std::uint64_t asked = i < options_.disk_sizes.size() ? options_.disk_sizes[i] : needed(i);
            DiskPlan disk;
            disk.size = (asked + grain - 1) / grain * grain;
            if (disk.size != asked)
                note(0, "disk: " + std::to_string(asked) + " bytes are padded to " + std::to_string(disk.size) +
                            ", a multiple of 2 MiB");
            storage_.disks.push_back(disk);
        }
        if (options_.disk_sizes.size() > names_.size())
            refuse(0, "disk: " + std::to_string(options_.disk_sizes.size()) + " sizes are given, the recipe uses " +
                          std::to_string(names_.size()) + (names_.size() == 1 ? " disk" : " disks"));
        if (names_.size() > 8)
            refuse(first_line(), "part: " + std::to_string(names_.size()) + " disks; at most 8 are built");
        if (names_.size() < 2) return;
        for (std::size_t i = 0; i < names_.size(); ++i)
            note(0, "disk " + std::to_string(i + 1) + " is the recipe's " + names_[i] + ", " +
                        in_mib(storage_.disks[i].size));
    }

    // When nobody says how large a disk is: the default, or what its partitions need in whole GiB.
    std::uint64_t needed(std::size_t disk) {
        constexpr std::uint64_t gib = 1024 * mib;
        std::uint64_t sum = 4 * mib;  // tables, BIOS boot partition
        for (const SpaceRequest& space : request_.partitions)
            if (disk_of(space) == disk) sum += std::min(space.size, std::uint64_t{1} << 44);
        if (disk == 0 && options_.layout && *options_.layout != Layout::mbr) sum += efi_system_size;
        if (sum <= default_disk) return default_disk;
        const std::uint64_t size = (sum + gib - 1) / gib * gib;
        note(0, "disk: the partitions need " + in_mib(sum) + ", so the disk has " + in_mib(size) +
                    "; the option disk names another size");
        return size;
    }

    // A growing physical volume is at least as large as what its group holds.
    void widen_physical_volumes() {
        for (const GroupRequest& group : request_.groups) {
            std::uint64_t wanted = group.reserved;
            for (const SpaceRequest& volume : group.volumes)
                if (volume.percent == 0)
                    wanted += (std::min(volume.size, std::uint64_t{1} << 44) + group.extent - 1) / group.extent *
                              group.extent;
            if (group.reserved_percent > 0) wanted = wanted * 100 / (100 - group.reserved_percent) + group.extent;
            SpaceRequest* grows = nullptr;
            std::uint64_t there = 0;
            for (SpaceRequest& space : request_.partitions) {
                if (std::find(group.physical_volumes.begin(), group.physical_volumes.end(), space.physical_volume) ==
                        group.physical_volumes.end() ||
                    space.kind != PartitionKind::lvm)
                    continue;
                there += (space.size - mib) / group.extent * group.extent;
                if (space.grow && !grows) grows = &space;
            }
            if (!grows || there >= wanted) continue;
            const std::uint64_t more = (wanted - there + group.extent - 1) / group.extent * group.extent + group.extent;
            grows->size = std::min(grows->size + more, std::max(grows->size, grows->most));
        }
    }

    std::size_t disk_of(const SpaceRequest& space) const {
        const auto found = std::find(names_.begin(), names_.end(), space.disk);
        return space.disk.empty() || found == names_.end() ? 0 : static_cast<std::size_t>(found - names_.begin());
    }

    void choose_layout() {
        const bool bios = has_kind(PartitionKind::bios_boot), efi = has_kind(PartitionKind::efi_system);
        const std::string label = recipe_.clear_part ? recipe_.clear_part->disk_label : "";
        Layout& layout = storage_.layout = options_.layout.value_or(Layout::automatic);
        if (!label.empty() && label != "msdos" && label != "gpt")
            refuse(recipe_.clear_part->line, "clearpart --disklabel=" + label + ": msdos and gpt are built");
        if (layout == Layout::automatic) {
            layout = efi && bios              ? Layout::hybrid
                     : efi                    ? Layout::uefi
                     : bios || label == "gpt" ? Layout::gpt
                                              : Layout::mbr;
            std::vector<std::size_t> counts(names_.size());
            for (const SpaceRequest& space : request_.partitions) ++counts[disk_of(space)];
            const std::size_t most = *std::max_element(counts.begin(), counts.end());
            if (layout == Layout::mbr && most > 4 && label.empty()) {
                layout = Layout::gpt;
                note(0, std::to_string(most) +
                            " partitions: the disk gets GPT and a BIOS boot partition, as an MBR has four");
            }
        }
        if (label == "msdos" && layout != Layout::mbr)
            refuse(recipe_.clear_part->line,
                   "clearpart --disklabel=msdos: does not fit layout=" + std::string(to_string(layout)));
        if (efi && !storage_.boots_by_uefi())
            refuse(line_of(PartitionKind::efi_system),
                   "part /boot/efi: does not fit layout=" + std::string(to_string(layout)) +
                       "; layout=uefi and layout=hybrid have one");
        if (bios && layout != Layout::gpt && layout != Layout::hybrid)
            refuse(line_of(PartitionKind::bios_boot),
                   "part biosboot: does not fit layout=" + std::string(to_string(layout)) +
                       "; layout=gpt and layout=hybrid have one");
    }

    int line_of(PartitionKind kind) const {
        for (const SpaceRequest& space : request_.partitions)
            if (space.kind == kind) return space.line;
        return 0;
    }

    // What the firmware needs and the recipe does not write out (reqpart, or nothing at all).
    void add_boot_partitions() {
        const auto add = [&](PartitionKind kind, const char* name, std::uint64_t size, const FileSystemPlan& system) {
            SpaceRequest space;
            space.kind = kind;
            space.name = name;
            space.size = size;
            space.file_system = system;
            space.disk = names_[0];
            request_.partitions.push_back(space);
        };
        if (storage_.boots_by_uefi() && !has_kind(PartitionKind::efi_system)) {
            FileSystemPlan system;
            system.mount_point = "/boot/efi";
            system.fstype = "vfat";
            system.fs_options = "umask=0077";
            add(PartitionKind::efi_system, "part /boot/efi", efi_system_size, system);
        }
        if ((storage_.layout == Layout::gpt || storage_.layout == Layout::hybrid) &&
            !has_kind(PartitionKind::bios_boot))
            add(PartitionKind::bios_boot, "part biosboot", mib, {});
    }

    void place() {
        if (storage_.layout == Layout::partitionless) return place_whole();
        for (std::size_t disk = 0; disk < names_.size() && errors_.empty(); ++disk) place_disk(disk);
        for (GroupRequest& group : request_.groups)
            if (errors_.empty()) place_group(group);
    }

    void place_whole() {
        for (const SpaceRequest& space : request_.partitions)
            if (space.file_system.mount_point != "/")
                refuse(space.line, space.name + ": layout=partitionless has room for / only");
        if (!request_.groups.empty())
            refuse(request_.groups[0].line, "volgroup: layout=partitionless has no partitions");
        if (!errors_.empty()) return;
        storage_.disks[0].table = "none";
        storage_.disks[0].whole = request_.partitions[0].file_system;
    }

    static int rank(const SpaceRequest& space) {
        if (space.kind == PartitionKind::bios_boot) return 0;
        if (space.kind == PartitionKind::efi_system) return 1;
        return space.file_system.mount_point == "/boot" ? 2 : 3;
    }

    void place_disk(std::size_t index) {
        DiskPlan& disk = storage_.disks[index];
        disk.table = storage_.layout == Layout::mbr ? "mbr" : "gpt";
        std::vector<SpaceRequest*> wanted;
        for (SpaceRequest& space : request_.partitions)
            if (disk_of(space) == index) wanted.push_back(&space);
        if (disk.table == "mbr" && wanted.size() > 4)
            return refuse(wanted[4]->line,
                          "part: " + std::to_string(wanted.size()) +
                              " partitions; an msdos table has four primary ones, layout=gpt has more");
        // As Anaconda does: what boots first, then as written, so that the last one can grow later.
        std::stable_sort(wanted.begin(), wanted.end(),
                         [](const SpaceRequest* a, const SpaceRequest* b) { return rank(*a) < rank(*b); });
        // 1 MiB before for the MBR and GRUB, or the GPT; 1 MiB behind for the second GPT.
        const std::uint64_t overhead = disk.table == "gpt" ? 2 * mib : mib;
        std::uint64_t sum = overhead;
        for (const SpaceRequest* space : wanted) sum += space->size;
        if (sum > disk.size)
            return refuse(wanted.back()->line, "part: the partitions need " + in_mib(sum) + ", the disk has " +
                                                   in_mib(disk.size) + "; ask for a larger one with disk=");
        grow(wanted, disk.size - sum, mib);
        std::uint64_t offset = mib;
        for (const SpaceRequest* space : wanted) {
            PartitionPlan part;
            part.number = static_cast<int>(disk.partitions.size()) + 1;
            part.offset = offset;
            part.size = space->size;
            part.kind = space->kind;
            part.file_system = space->file_system;
            part.physical_volume = space->physical_volume;
            disk.partitions.push_back(part);
            offset += space->size;
        }
        if (disk.table == "mbr" && index == 0) mark_active(disk);
    }

    static void mark_active(DiskPlan& disk) {
        for (const char* boots : {"/boot", "/", ""})
            for (PartitionPlan& part : disk.partitions)
                if (part.file_system.mount_point == boots) {
                    part.active = true;
                    return;
                }
    }

    void place_group(GroupRequest& wanted) {
        VolumeGroupPlan group;
        group.name = wanted.name;
        group.extent = wanted.extent;
        std::uint64_t room = 0;
        for (const std::string& name : wanted.physical_volumes) room += physical_volume(name, group);
        room -= std::min(room, std::max(wanted.reserved, room / 100 * wanted.reserved_percent));
        room = room / group.extent * group.extent;
        std::vector<SpaceRequest*> volumes;
        std::uint64_t sum = 0;
        // A percentage is of what the volumes of a fixed size leave free.
        std::uint64_t fixed = 0;
        for (const SpaceRequest& space : wanted.volumes)
            if (space.percent == 0) fixed += (space.size + group.extent - 1) / group.extent * group.extent;
        const std::uint64_t free = room - std::min(room, fixed);
        for (SpaceRequest& space : wanted.volumes) {
            if (space.percent > 0)
                space.size = std::max(free / 100 * space.percent, group.extent) / group.extent * group.extent;
            space.size = (space.size + group.extent - 1) / group.extent * group.extent;
            sum += space.size;
            volumes.push_back(&space);
        }
        if (sum > room)
            return refuse(wanted.volumes.back().line, "volgroup " + group.name + ": the logical volumes need " +
                                                          in_mib(sum) + ", the group has " + in_mib(room) +
                                                          "; ask for a larger disk with disk=");
        grow(volumes, room - sum, group.extent);
        for (const SpaceRequest* space : volumes)
            group.volumes.push_back({space->volume, space->size, space->file_system});
        storage_.groups.push_back(group);
    }

    // Bytes it gives to its group: LVM keeps its own data in the first MiB.
    std::uint64_t physical_volume(const std::string& name, VolumeGroupPlan& group) const {
        for (std::size_t disk = 0; disk < storage_.disks.size(); ++disk)
            for (const PartitionPlan& part : storage_.disks[disk].partitions) {
                if (part.physical_volume != name) continue;
                group.physical_volumes.push_back(device(disk, part));
                return (part.size - mib) / group.extent * group.extent;
            }
        return 0;
    }

    const kickstart::Recipe& recipe_;
    const BuildOptions& options_;
    BuildPlan& plan_;
    StoragePlan& storage_;
    Errors& errors_;
    const bool boots_ = wants_loader(recipe_);
    StorageRequest request_;
    std::vector<std::string> names_;
};

}  // namespace

void plan_storage(const kickstart::Recipe& recipe, const BuildOptions& options, BuildPlan& plan, Errors& errors) {
    StoragePlanner(recipe, options, plan, errors).make();
}

TreeFile fstab(const StoragePlan& storage) {
    std::vector<const FileSystemPlan*> systems;
    for_each_file_system(storage,
                         [&](const std::string&, const FileSystemPlan& system) { systems.push_back(&system); });
    std::stable_sort(systems.begin(), systems.end(),
                     [](const auto* a, const auto* b) { return a->mount_point < b->mount_point; });
    std::string text = "# file system, mount point, type, options, dump, pass\n";
    for (const FileSystemPlan* system : systems) {
        const bool checked = !system->is_swap() && system->fstype != "xfs";
        const std::string pass = !checked ? "0" : system->mount_point == "/" ? "1" : "2";
        const std::string options = system->is_swap() && system->fs_options == "defaults" ? "sw" : system->fs_options;
        text += "UUID=" + system->uuid + " " + (system->is_swap() ? "none" : system->mount_point) + " " +
                system->fstype + " " + options + " 0 " + pass + "\n";
    }
    return {"/etc/fstab", text};
}

}  // namespace builders::plan
