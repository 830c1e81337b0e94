// SPDX-License-Identifier: Apache-2.0
#include "builders/plan/storage_plan.hpp"

namespace builders {
namespace {

template <class Storage, class Visit>
void visit_all(Storage& storage, const Visit& visit) {
    for (std::size_t index = 0; index < storage.disks.size(); ++index) {
        auto& disk = storage.disks[index];
        if (!disk.whole.fstype.empty()) visit(device(index), disk.whole);
        for (auto& part : disk.partitions)
            if (!part.file_system.fstype.empty()) visit(device(index, part), part.file_system);
    }
    for (auto& group : storage.groups)
        for (auto& volume : group.volumes) visit("/dev/" + group.name + "/" + volume.name, volume.file_system);
}

}  // namespace

std::string_view to_string(Layout layout) {
    switch (layout) {
        case Layout::automatic:
            return "automatic";
        case Layout::mbr:
            return "mbr";
        case Layout::gpt:
            return "gpt";
        case Layout::uefi:
            return "uefi";
        case Layout::hybrid:
            return "hybrid";
        case Layout::partitionless:
            break;
    }
    return "partitionless";
}

std::uint64_t StoragePlan::size() const {
    std::uint64_t sum = 0;
    for (const DiskPlan& disk : disks) sum += disk.size;
    return sum;
}

std::string device(std::size_t disk_index) {
    return std::string("/dev/sd") + static_cast<char>('a' + disk_index);
}

std::string device(std::size_t disk_index, const PartitionPlan& partition) {
    return device(disk_index) + std::to_string(partition.number);
}

void for_each_file_system(StoragePlan& storage, const std::function<void(const std::string&, FileSystemPlan&)>& visit) {
    visit_all(storage, visit);
}

void for_each_file_system(const StoragePlan& storage,
                          const std::function<void(const std::string&, const FileSystemPlan&)>& visit) {
    visit_all(storage, visit);
}

}  // namespace builders
