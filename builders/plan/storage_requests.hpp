// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a recipe asks of storage, checked and with defaults filled in, before anything has a place. Between
// storage_requests.cpp (what is wanted) and storage.cpp (where it goes).
#include <optional>
#include <string>
#include <vector>

#include "builders/plan/plan_parts.hpp"

namespace builders::plan {

constexpr std::uint64_t mib = std::uint64_t{1} << 20;

struct SpaceRequest {
    int line = 0;
    std::string name;  // for messages: "part /boot", "logvol /var"
    std::uint64_t size = 0, most = UINT64_MAX;
    std::uint64_t percent = 0;  // of a volume group, 0: size counts
    bool grow = false;
    PartitionKind kind = PartitionKind::file_system;
    FileSystemPlan file_system;
    std::string disk;             // as written, without /dev/; empty: the first
    std::string physical_volume;  // "pv.01", for kind lvm
    std::string volume;           // name of a logical volume
};

struct GroupRequest {
    int line = 0;
    std::string name;
    std::uint64_t extent = 4 * mib, reserved = 0, reserved_percent = 0;
    std::vector<std::string> physical_volumes;
    std::vector<SpaceRequest> volumes;
};

struct StorageRequest {
    std::vector<SpaceRequest> partitions;  // in the order of the recipe
    std::vector<GroupRequest> groups;
};

// Appends to errors what cannot be built.
StorageRequest request_storage(const kickstart::Recipe& recipe, const BuildOptions& options, BuildPlan& plan,
                               Errors& errors);

}  // namespace builders::plan
