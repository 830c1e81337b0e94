// SPDX-License-Identifier: Apache-2.0
#pragma once
// From a place on the disk to a place in the file, through L1 and L2. Inside the room only.
#include <cstdint>
#include <span>
#include <vector>

#include "formats/base/endian.hpp"
#include "formats/qcow2/cluster_map.hpp"
#include "formats/qcow2/qcow2_header.hpp"

namespace formats::qcow2 {

enum class Kind { zero, data, packed };

struct Mapping {
    Kind kind;
    std::uint64_t host = 0;    // first byte in the file; data and packed only
    std::uint64_t length = 0;  // bytes of the disk from the asked offset on; ends inside one L2 table
    std::uint64_t packed = 0;  // bytes of the packed cluster in the file
};

class Tables {
public:
    Tables(BlockSource& file, const Image& image);

    // Walks every table once: places, reserved bits, no cluster twice. Throws CorruptImage.
    void verify();
    std::uint64_t data_clusters() const { return data_clusters_; }
    std::uint64_t packed_clusters() const { return packed_clusters_; }

    // REQUIRES: offset < the virtual size. `length` reaches as far as the kind and the rise of the
    // host offset hold, a packed mapping to the end of its cluster.
    Mapping map(std::uint64_t offset);
    const Image& image() const { return image_; }

private:
    struct Cached {
        std::uint64_t l1_index = UINT64_MAX, last_use = 0;
        std::vector<std::byte> bytes;
    };
    std::uint64_t l2_offset(std::uint64_t l1_index) const;
    std::span<const std::byte> l2_table(std::uint64_t l1_index);
    Mapping map_one(std::span<const std::byte> table, std::uint64_t offset) const;
    Mapping map_packed(std::uint64_t entry, std::uint64_t offset) const;
    void verify_entry(std::span<const std::byte> table, std::uint64_t l1_index, std::uint64_t index, ClusterMap& map);

    BlockSource& file_;
    Image image_;
    std::vector<be64> l1_;
    std::vector<Cached> cache_;
    std::uint64_t uses_ = 0, data_clusters_ = 0, packed_clusters_ = 0;
};

}  // namespace formats::qcow2
