// SPDX-License-Identifier: Apache-2.0
#pragma once
// The dozen operations a step may ask of a disk. GuestfsGuest does them inside libguestfs's
// appliance, never on the host's kernel; RecordingGuest writes them down for tests.
// To be completed by its author: partition, format, mount, copy in, install the bootloader, trim, close.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

namespace builders {

struct GuestSetup {
    std::vector<std::filesystem::path> disks;   // raw files, in order: /dev/sda, /dev/sdb …
    std::filesystem::path work;                 // for the appliance's temporary files
    std::function<void(std::string_view)> log;
    std::stop_token stop;
};

class Guest {
public:
    virtual ~Guest() = default;
};

}  // namespace builders
