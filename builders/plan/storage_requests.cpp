// SPDX-License-Identifier: Apache-2.0
#include "builders/plan/storage_requests.hpp"

#include <algorithm>
#include <array>
#include <map>

namespace builders::plan {
namespace {

constexpr std::uint64_t gib = 1024 * mib;

std::uint64_t memory_of(const BuildOptions& options) {
    return options.memory_bytes.value_or(2 * gib);
}

// As Anaconda recommends: twice the memory below 2 GiB, as much up to 8 GiB, half of it up to 64 GiB, 4 GiB above.
std::uint64_t recommended_swap(std::uint64_t memory, bool hibernation) {
    std::uint64_t size = 4 * gib;
    if (memory <= 2 * gib)
        size = 2 * memory;
    else if (memory <= 8 * gib)
        size = memory;
    else if (memory <= 64 * gib)
        size = memory / 2;
    return (hibernation ? size + memory : size) / mib * mib;
}

std::uint64_t recommended(const std::string& mount_point, const BuildOptions& options, bool hibernation) {
    if (mount_point == "swap") return recommended_swap(memory_of(options), hibernation);
    if (mount_point == "/boot/efi") return 200 * mib;
    return gib;
}

bool known_file_system(const std::string& fstype) {
    constexpr std::array known{"ext2", "ext3", "ext4", "xfs", "vfat", "swap"};
    return std::find(known.begin(), known.end(), fstype) != known.end();
}

std::size_t longest_label(const std::string& fstype) {
    return fstype == "xfs" ? 12 : fstype == "vfat" ? 11 : fstype == "swap" ? 15 : 16;
}

class Requests {
public:
    Requests(const kickstart::Recipe& recipe, const BuildOptions& options, BuildPlan& plan, Errors& errors)
        : recipe_(recipe), options_(options), plan_(plan), errors_(errors) {}

    StorageRequest take() {
        for (const kickstart::Partition& part : recipe_.partitions) take_partition(part);
        for (const kickstart::VolumeGroup& group : recipe_.volume_groups) take_group(group);
        for (const kickstart::LogicalVolume& volume : recipe_.logical_volumes) take_volume(volume);
        if (recipe_.auto_part) take_automatic(*recipe_.auto_part);
        if (recipe_.require_part && recipe_.require_part_add_boot && !has("/boot"))
            add_partition(0, "/boot", usual(), gib, false);
        if (request_.partitions.empty() && errors_.empty()) {
            note(0, "the recipe has no part and no autopart: one file system for / on the whole disk");
            add_partition(0, "/", usual(), 512 * mib, true);
        }
        check_physical_volumes();
        return std::move(request_);
    }

private:
    void refuse(int line, const std::string& message) { plan::refuse(errors_, line, message); }
    void note(int line, const std::string& message) { plan_.notes.push_back({line, message}); }

    // The file system that the release's own installer makes.
    std::string usual() const {
        return plan_.distribution.file_system.empty() ? "ext4" : plan_.distribution.file_system;
    }

    bool has(const std::string& mount_point) const {
        const auto is = [&](const SpaceRequest& space) { return space.file_system.mount_point == mount_point; };
        return std::any_of(request_.partitions.begin(), request_.partitions.end(), is) ||
               std::any_of(request_.groups.begin(), request_.groups.end(), [&](const GroupRequest& group) {
                   return std::any_of(group.volumes.begin(), group.volumes.end(), is);
               });
    }

    void add_partition(int line, const std::string& mount_point, const std::string& fstype, std::uint64_t size,
                       bool grow) {
        SpaceRequest space;
        space.line = line;
        space.name = mount_point;
        space.size = size;
        space.grow = grow;
        space.file_system.mount_point = mount_point;
        space.file_system.fstype = fstype;
        request_.partitions.push_back(space);
    }

    // What partitions and logical volumes have in common. False: it was refused.
    bool fill(const kickstart::Partition& part, SpaceRequest& space, bool needs_size) {
        const std::size_t before = errors_.size();
        const int line = space.line = part.line;
        const std::string& name = space.name;
        if (part.encrypted) refuse(line, name + ": --encrypted: a published image with its own key protects nothing");
        if (!part.on_part.empty()) refuse(line, name + ": --onpart: an image has no partitions before it is built");
        if (part.no_format) refuse(line, name + ": --noformat: an image has no file systems before it is built");
        if (!part.mkfs_options.empty()) note(line, name + ": --mkfsoptions is ignored");
        if (!part.fs_profile.empty()) note(line, name + ": --fsprofile is ignored");
        const bool automatic = part.recommended || part.hibernation;
        if (needs_size && !automatic && (!part.size_mib || *part.size_mib < 1) && !part.grow)
            refuse(line, name + ": needs --size=MIB of at least 1");
        if (part.size_mib && (*part.size_mib < 0 || *part.size_mib > (std::int64_t{1} << 24)))
            refuse(line, name + ": --size=" + std::to_string(*part.size_mib) + " MiB is more than any disk");
        if (errors_.size() != before) return false;
        space.size = automatic ? recommended(part.mount_point, options_, part.hibernation)
                               : static_cast<std::uint64_t>(std::max<std::int64_t>(part.size_mib.value_or(1), 1)) * mib;
        if (part.max_size_mib && *part.max_size_mib > 0)
            space.most = std::max(space.size, static_cast<std::uint64_t>(*part.max_size_mib) * mib);
        space.grow = part.grow;
        return true;
    }

    bool fill_file_system(const kickstart::Partition& part, SpaceRequest& space) {
        const std::size_t before = errors_.size();
        const std::string& at = part.mount_point;
        FileSystemPlan& system = space.file_system;
        system.mount_point = at;
        system.fstype = part.fstype;
        if (system.fstype.empty()) system.fstype = at == "swap" ? "swap" : at == "/boot/efi" ? "vfat" : usual();
        if (system.fstype == "efi") system.fstype = "vfat";
        system.label = part.label;
        if (!part.fs_options.empty()) system.fs_options = part.fs_options;
        if (!known_file_system(system.fstype))
            refuse(part.line, space.name + ": file system '" + system.fstype +
                                  "' is not built; ext2, ext3, ext4, xfs, vfat, efi and swap are");
        else if (system.is_swap() != (at == "swap"))
            refuse(part.line, space.name + ": --fstype=" + system.fstype + " does not fit the mount point");
        else if (system.label.size() > longest_label(system.fstype))
            refuse(part.line, space.name + ": --label=" + system.label + ": labels of " + system.fstype +
                                  " have at most " + std::to_string(longest_label(system.fstype)) + " characters");
        const bool plain_path = at.starts_with('/') && at.find("/../") == std::string::npos && !at.ends_with("/..") &&
                                at.find_first_of(" \t\"'\\") == std::string::npos;
        if (at != "swap" && !plain_path)
            refuse(part.line, space.name + ": not a mount point, swap, pv.NAME or biosboot");
        if (system.fs_options.find_first_of(" \t\n") != std::string::npos)
            refuse(part.line, space.name + ": --fsoptions cannot have blanks");
        if (at != "swap" && has(at)) refuse(part.line, space.name + ": is defined twice");
        return errors_.size() == before;
    }

    void take_partition(const kickstart::Partition& part) {
        SpaceRequest space;
        space.name = "part " + part.mount_point;
        space.disk = part.disk.starts_with("/dev/") ? part.disk.substr(5) : part.disk;
        const std::string& at = part.mount_point;
        if (at.starts_with("raid.") || at.starts_with("btrfs."))
            return refuse(part.line, space.name + ": RAID and btrfs are not built into images");
        if (at == "prepboot" || part.fstype == "prepboot" || at == "appleboot" || part.fstype == "appleboot")
            return refuse(part.line, space.name + ": belongs to a machine of another architecture; images are x86-64");
        if (!fill(part, space, at != "biosboot")) return;
        if (at == "biosboot" || part.fstype == "biosboot") {
            space.kind = PartitionKind::bios_boot;
            space.size = mib;
            space.grow = false;
        } else if (at.starts_with("pv.")) {
            space.kind = PartitionKind::lvm;
            space.physical_volume = at;
        } else {
            if (!fill_file_system(part, space)) return;
            if (at == "/boot/efi") space.kind = PartitionKind::efi_system;
            if (space.kind == PartitionKind::efi_system && space.file_system.fstype != "vfat")
                return refuse(part.line, space.name + ": an EFI system partition has --fstype=efi");
        }
        request_.partitions.push_back(space);
    }

    static bool plain_lvm_name(const std::string& name) {
        const auto good = [](unsigned char c) {
            return std::isalnum(c) || c == '_' || c == '+' || c == '.' || c == '-';
        };
        return !name.empty() && name.size() <= 64 && name[0] != '-' && name != "." && name != ".." &&
               std::all_of(name.begin(), name.end(), good);
    }

    void take_group(const kickstart::VolumeGroup& group) {
        const std::string name = "volgroup " + group.name;
        if (!plain_lvm_name(group.name)) return refuse(group.line, name + ": not a name of a volume group");
        for (const GroupRequest& other : request_.groups)
            if (other.name == group.name) return refuse(group.line, name + ": is defined twice");
        GroupRequest wanted;
        wanted.line = group.line;
        wanted.name = group.name;
        if (group.pe_size_kib) wanted.extent = static_cast<std::uint64_t>(*group.pe_size_kib) * 1024;
        const bool power = wanted.extent != 0 && (wanted.extent & (wanted.extent - 1)) == 0;
        if (!power || wanted.extent < mib || wanted.extent > gib)
            return refuse(group.line, name + ": --pesize=" + std::to_string(group.pe_size_kib.value_or(0)) +
                                          " KiB is not a power of two from 1024 to 1048576");
        wanted.reserved =
            static_cast<std::uint64_t>(std::max<std::int64_t>(group.reserved_space_mib.value_or(0), 0)) * mib;
        wanted.reserved_percent =
            static_cast<std::uint64_t>(std::clamp<std::int64_t>(group.reserved_percent.value_or(0), 0, 99));
        wanted.physical_volumes = group.physical_volumes;
        if (wanted.physical_volumes.empty()) return refuse(group.line, name + ": has no physical volume");
        request_.groups.push_back(wanted);
    }

    void take_volume(const kickstart::LogicalVolume& volume) {
        SpaceRequest space;
        space.name = "logvol " + volume.mount_point;
        space.volume = volume.name;
        if (volume.thin) return refuse(volume.line, space.name + ": thin volumes are not built into images");
        const auto group = std::find_if(request_.groups.begin(), request_.groups.end(),
                                        [&](const GroupRequest& g) { return g.name == volume.volume_group; });
        if (group == request_.groups.end())
            return refuse(volume.line, space.name + ": there is no volgroup '" + volume.volume_group + "'");
        if (!plain_lvm_name(volume.name))
            return refuse(volume.line, space.name + ": --name='" + volume.name + "' is not a name");
        for (const SpaceRequest& other : group->volumes)
            if (other.volume == volume.name)
                return refuse(volume.line, space.name + ": --name=" + volume.name + " is used twice");
        if (!fill(volume, space, !volume.percent) || !fill_file_system(volume, space)) return;
        if (volume.percent) {
            if (*volume.percent < 1 || *volume.percent > 100)
                return refuse(volume.line, space.name + ": --percent is from 1 to 100");
            space.percent = static_cast<std::uint64_t>(*volume.percent);
        }
        group->volumes.push_back(space);
    }

    void check_physical_volumes() {
        std::map<std::string, int> users;
        for (const GroupRequest& group : request_.groups)
            for (const std::string& name : group.physical_volumes) {
                const auto is = [&](const SpaceRequest& space) { return space.physical_volume == name; };
                if (std::none_of(request_.partitions.begin(), request_.partitions.end(), is))
                    refuse(group.line, "volgroup " + group.name + ": there is no part " + name);
                if (++users[name] > 1)
                    refuse(group.line, "volgroup " + group.name + ": " + name + " is in a group already");
            }
        for (const SpaceRequest& space : request_.partitions)
            if (space.kind == PartitionKind::lvm && !users.contains(space.physical_volume))
                refuse(space.line, space.name + ": no volgroup uses it");
    }

    // Anaconda's own layout: /boot, swap, /, and /home on large disks.
    void take_automatic(const kickstart::AutoPart& automatic) {
        const int line = automatic.line;
        if (automatic.encrypted)
            return refuse(line, "autopart --encrypted: a published image with its own key protects nothing");
        if (automatic.type == "btrfs" || automatic.type == "thinp")
            return refuse(line, "autopart --type=" + automatic.type + ": not built into images");
        if (!recipe_.partitions.empty() || !recipe_.volume_groups.empty())
            return refuse(line, "autopart: cannot stand beside part, volgroup and logvol");
        const std::uint64_t disk = options_.disk_sizes.empty() ? 8 * gib : options_.disk_sizes[0];
        const std::string fstype = automatic.fstype.empty() ? usual() : automatic.fstype;
        if (!known_file_system(fstype) || fstype == "swap" || fstype == "vfat")
            return refuse(line, "autopart --fstype=" + fstype + ": ext2, ext3, ext4 and xfs are built");
        const bool lvm = automatic.type == "lvm", home = !automatic.no_home && disk >= 50 * gib;
        const std::uint64_t swap = std::min(recommended_swap(memory_of(options_), false), disk / 10 / mib * mib);
        if (automatic.type.empty()) note(line, "autopart: plain partitions; --type=lvm asks for LVM");
        if (!automatic.no_boot)
            add_partition(line, "/boot", fstype == "xfs" ? "xfs" : "ext4", std::min(gib, disk / 8 / mib * mib), false);
        std::vector<SpaceRequest> rest;
        const auto add = [&](const char* mount_point, const std::string& type, std::uint64_t size, std::uint64_t most,
                             bool grow, const char* volume) {
            SpaceRequest space;
            space.line = line;
            space.name = std::string("autopart ") + mount_point;
            space.size = size;
            space.most = most;
            space.grow = grow;
            space.file_system.mount_point = mount_point;
            space.file_system.fstype = type;
            space.volume = volume;
            rest.push_back(space);
        };
        if (!automatic.no_swap) add("swap", "swap", swap, UINT64_MAX, false, "swap");
        add("/", fstype, gib, home ? 70 * gib : UINT64_MAX, true, "root");
        if (home) add("/home", fstype, 500 * mib, UINT64_MAX, true, "home");
        if (!lvm) {
            request_.partitions.insert(request_.partitions.end(), rest.begin(), rest.end());
            return;
        }
        SpaceRequest physical;
        physical.line = line;
        physical.name = "autopart";
        physical.size = gib;
        physical.grow = true;
        physical.kind = PartitionKind::lvm;
        physical.physical_volume = "pv.auto";
        request_.partitions.push_back(physical);
        GroupRequest group;
        group.line = line;
        group.name = "vg0";
        group.physical_volumes = {"pv.auto"};
        group.volumes = rest;
        request_.groups.push_back(group);
    }

    const kickstart::Recipe& recipe_;
    const BuildOptions& options_;
    BuildPlan& plan_;
    Errors& errors_;
    StorageRequest request_;
};

}  // namespace

StorageRequest request_storage(const kickstart::Recipe& recipe, const BuildOptions& options, BuildPlan& plan,
                               Errors& errors) {
    return Requests(recipe, options, plan, errors).take();
}

}  // namespace builders::plan
