// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which clusters of the file are in use, so that none is used twice: one bit per cluster.
#include <cstdint>
#include <string>
#include <vector>

#include "formats/base/checked.hpp"
#include "formats/qcow2/qcow2_header.hpp"

namespace formats::qcow2 {

class ClusterMap {
public:
    explicit ClusterMap(const Image& image) : bits_(image.cluster_bits), file_size_(image.file_size) {
        const std::uint64_t clusters = divide_up(file_size_, image.cluster_size());
        if (clusters > std::uint64_t{1} << 28)
            throw RefusedImage("qcow2: the file has " + std::to_string(clusters) + " clusters; 268435456 are the most");
        used_.resize(clusters);
    }
    // Clusters that [offset, offset + length) touches. Throws CorruptImage when one is taken.
    void take(std::uint64_t offset, std::uint64_t length, const std::string& what) {
        check_range(offset, length, file_size_, what);
        for (std::uint64_t i = offset >> bits_; i <= (offset + length - 1) >> bits_; ++i) take_cluster(i, what);
    }
    void take_cluster(std::uint64_t cluster, const std::string& what) {
        if (used_[cluster])
            throw CorruptImage(what + " points to cluster " + std::to_string(cluster) +
                               " of the file, which is in use already");
        used_[cluster] = true;
    }
    bool is_used(std::uint64_t cluster) const { return used_[cluster]; }
    std::uint64_t size() const { return used_.size(); }

private:
    std::uint32_t bits_;
    std::uint64_t file_size_;
    std::vector<bool> used_;
};

}  // namespace formats::qcow2
