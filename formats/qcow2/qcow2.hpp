// SPDX-License-Identifier: Apache-2.0
#pragma once
// qcow2, versions 2 and 3 (specification: qemu docs/interop/qcow2.txt; byte table: docs/formats/qcow2.md).
// The reader trusts nothing it has not checked: every table lies inside the file, on a cluster
// boundary, and no host cluster is used twice. The writer makes version 3 in strictly rising order
// (header, refcounts, L1, every L2, data), which one-way readers such as XenServer's can take.
#include <cstdint>
#include <memory>
#include <vector>

#include "formats/base/block_source.hpp"
#include "formats/disk/facts.hpp"
#include "formats/disk/ranged_output.hpp"
#include "formats/disk/views.hpp"
#include "formats/stream/byte_sink.hpp"

namespace formats::qcow2 {

// The active disk; internal snapshots may be there and are not looked at. Throws RefusedImage for a
// backing file, an external data file, encryption, the corrupt bit and unknown incompatible bits;
// CorruptImage, naming the field, for everything that contradicts the specification.
std::unique_ptr<BlockSource> open_qcow2(std::shared_ptr<BlockSource> file, Facts* facts = nullptr);

// What `xenkiln check` prints: refcounts against what the tables use.
struct CheckReport {
    std::uint64_t clusters_used = 0, leaked = 0;
    std::vector<std::string> errors;  // too low refcounts and wrong structures; at most 100 are kept
    std::uint64_t error_count = 0;
};
CheckReport check_qcow2(BlockSource& file);

// Every place in the file, fixed before the first byte. REQUIRES: the disk outlives the layout.
class Qcow2Layout {
public:
    explicit Qcow2Layout(BlockSource& disk);

    std::uint64_t file_size() const { return clusters() * cluster_size; }
    std::uint64_t virtual_size() const { return virtual_size_; }  // of the disk, up to a whole sector

    static constexpr std::uint32_t cluster_bits = 16;
    static constexpr std::uint64_t cluster_size = std::uint64_t{1} << cluster_bits;
    static constexpr std::uint64_t table_entries = cluster_size / 8;

    BlockSource& disk() const { return disk_; }
    const std::vector<UnitRun>& runs() const { return runs_; }                  // guest clusters that hold data
    const std::vector<std::uint64_t>& l2_tables() const { return l2_tables_; }  // L1 indexes, ascending
    std::uint64_t l1_entries() const;

    // Cluster numbers in the file, in this order; the header is cluster 0, the refcount table 1.
    std::uint64_t refcount_table_clusters() const { return refcount_table_clusters_; }
    std::uint64_t first_refcount_block() const { return 1 + refcount_table_clusters_; }
    std::uint64_t refcount_blocks() const { return refcount_blocks_; }
    std::uint64_t first_l1() const { return first_refcount_block() + refcount_blocks_; }
    std::uint64_t l1_clusters() const;
    std::uint64_t first_l2() const { return first_l1() + l1_clusters(); }
    std::uint64_t first_data() const { return first_l2() + l2_tables_.size(); }
    std::uint64_t clusters() const { return first_data() + data_clusters_; }

private:
    BlockSource& disk_;
    std::uint64_t virtual_size_;
    std::vector<UnitRun> runs_;
    std::vector<std::uint64_t> l2_tables_;
    std::uint64_t data_clusters_ = 0, refcount_table_clusters_ = 0, refcount_blocks_ = 0;
};

// The image: layout.file_size() bytes. REQUIRES: the layout outlives it.
std::unique_ptr<RangedOutput> qcow2_output(const Qcow2Layout& layout);

}  // namespace formats::qcow2
