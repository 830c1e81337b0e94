// SPDX-License-Identifier: Apache-2.0
#pragma once
// The worker's half of the way of data: disks → images → compressors → files in the job's out/ folder, with all
// digests, in one pass. Outputs that are the same image, packed differently, are one image written once; several images
// are written side by side, and the disks are read once for all of them.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "formats/base/block_source.hpp"
#include "formats/image/plan_output.hpp"
#include "formats/machine/hardware.hpp"
#include "worker/worker_result.hpp"

namespace worker {

struct Order {
    std::vector<formats::BlockSource*> disks;
    formats::Hardware hardware;
    std::vector<formats::OutputKind> outputs;
    bool disk_digests = false;  // of each disk, in the same pass
    std::filesystem::path out;
    std::string file_stem;  // the final names without their extension
    // What xl.cfg and the domain XMLs name as the disks, where the raw disks are known to be; else where a release's
    // would lie on a host.
    std::vector<std::string> disk_paths = {};
};

struct Produced {
    std::vector<Product> products;
    std::vector<std::string> disk_digests, notes;
};

// `done` gets the part that is written, 0 … 1, from several threads. Throws what the formats throw, and
// builders::Cancelled when stopped.
Produced produce(const Order& order, const std::function<void(double)>& done, const std::stop_token& stop);

// Before the order: of each output, how many threads may pack it so that all of them together stay below half of
// `memory`, and where packed clusters stand until they are written.
void share_memory(std::vector<formats::OutputKind>& outputs, std::uint64_t memory,
                  const std::filesystem::path& spool_folder);

}  // namespace worker
