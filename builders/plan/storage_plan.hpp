// SPDX-License-Identifier: Apache-2.0
#pragma once
// Disks, partitions, volume groups and file systems with every size and place resolved. Sizes and offsets are
// bytes; partitions begin and end at whole MiB.
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace builders {

// How the disks are laid out for the firmware. automatic: what the recipe's partitions ask for.
//   mbr            BIOS, an MBR partition table
//   gpt            BIOS, GPT with a BIOS boot partition
//   uefi           UEFI, GPT with an EFI system partition
//   hybrid         either firmware: GPT with both
//   partitionless  one file system on the whole disk, for a logical volume and pygrub or pvgrub
enum class Layout { automatic, mbr, gpt, uefi, hybrid, partitionless };
std::string_view to_string(Layout layout);

struct FileSystemPlan {
    std::string mount_point;  // "/", "/boot", "swap"; empty: there is none
    std::string fstype;       // ext2 ext3 ext4 xfs vfat swap
    std::string label, uuid;
    std::string fs_options = "defaults";
    bool is_swap() const { return fstype == "swap"; }
};

enum class PartitionKind { file_system, bios_boot, efi_system, lvm };

struct PartitionPlan {
    int number = 0;  // 1-based
    std::uint64_t offset = 0, size = 0;
    PartitionKind kind = PartitionKind::file_system;
    FileSystemPlan file_system;   // of kinds file_system and efi_system
    std::string physical_volume;  // of kind lvm: the recipe's name, "pv.01"
    bool active = false;          // MBR boot flag
};

struct DiskPlan {
    std::uint64_t size = 0;                 // a multiple of 2 MiB
    std::string table = "mbr";              // mbr, gpt, none (partitionless)
    std::vector<PartitionPlan> partitions;  // ascending by offset
    FileSystemPlan whole;                   // of a disk without a table
    std::string signature;                  // MBR disk signature, 8 hex digits
};

struct LogicalVolumePlan {
    std::string name;
    std::uint64_t size = 0;  // a multiple of the group's extent
    FileSystemPlan file_system;
};

struct VolumeGroupPlan {
    std::string name;
    std::uint64_t extent = std::uint64_t{4} << 20;
    std::vector<std::string> physical_volumes;  // as device() names them
    std::vector<LogicalVolumePlan> volumes;
};

struct StoragePlan {
    Layout layout = Layout::mbr;  // never automatic
    std::vector<DiskPlan> disks;
    std::vector<VolumeGroupPlan> groups;

    std::uint64_t size() const;  // of all disks
    bool boots_by_bios() const { return layout == Layout::mbr || layout == Layout::gpt || layout == Layout::hybrid; }
    bool boots_by_uefi() const { return layout == Layout::uefi || layout == Layout::hybrid; }
};

// Names as libguestfs gives them: "/dev/sda" is the first disk, "/dev/sdb2" the second one's second partition.
std::string device(std::size_t disk_index);
std::string device(std::size_t disk_index, const PartitionPlan& partition);

// Every file system and swap space with its device, in the order of the disks, then of the groups.
void for_each_file_system(StoragePlan& storage,
                          const std::function<void(const std::string& device, FileSystemPlan&)>& visit);
void for_each_file_system(const StoragePlan& storage,
                          const std::function<void(const std::string& device, const FileSystemPlan&)>& visit);

}  // namespace builders
