// SPDX-License-Identifier: Apache-2.0
#pragma once
// The dozen operations a build asks of a disk. GuestfsGuest does them inside libguestfs's appliance,
// never on the host's kernel; RecordingGuest writes them down for tests. Errors are StepFailed, or
// Cancelled once stop was requested.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "builders/plan/build_plan.hpp"

namespace builders {

struct GuestSetup {
    std::vector<std::filesystem::path> disks;  // raw files
    std::filesystem::path work;                // for the appliance's temporary files
    std::function<void(std::string_view)> log;
    std::stop_token stop;
};

class Guest {
public:
    virtual ~Guest() = default;

    // Tables, partitions, volume groups, file systems with their labels and UUIDs; then everything mounted.
    virtual void make_storage(const StoragePlan& storage) = 0;
    // A path inside the guest that leads to a whole disk, 0 being the first, whatever its kernel calls it.
    virtual std::string disk_link(std::size_t index) const = 0;
    // A tar stream from `fd` into the root.
    virtual void copy_in(int fd) = 0;
    // A program of the installed system, with its root as the root. Returns standard output.
    virtual std::string command(const std::vector<std::string>& argv) = 0;
    virtual bool exists(const std::string& path) = 0;
    virtual std::string read_file(const std::string& path) = 0;
    virtual void write_file(const std::string& path, const std::string& content) = 0;
    // The first `length` bytes of the first disk.
    virtual std::string read_disk(std::uint64_t length) = 0;
    // Gives free space back, unmounts, and shuts the appliance down. After it the disks are done.
    virtual void finish() = 0;
};

using GuestFactory = std::function<std::unique_ptr<Guest>(const GuestSetup&)>;

}  // namespace builders
