// SPDX-License-Identifier: Apache-2.0
#pragma once
// qcow2 version 3 with compressed clusters. Where a cluster lies depends on how well those before it
// packed, so the clusters are packed first, into a spool file, when the plan is made; then everything
// streams forward, in this order: header, refcounts, L1, every L2, clusters that do not pack, packed ones.
#include <cstdint>
#include <filesystem>
#include <vector>

#include "formats/base/block_source.hpp"
#include "formats/base/file.hpp"
#include "formats/disk/views.hpp"
#include "formats/stream/byte_sink.hpp"

namespace formats::qcow2 {

struct PackOptions {
    bool zstd = false;  // else zlib, which every reader of qcow2 knows
    int level = 6;
    unsigned threads = 1;
    std::filesystem::path spool_folder = "/var/tmp";
};

// The bytes do not depend on the number of threads. REQUIRES: the disk outlives it.
class PackedQcow2 {
public:
    PackedQcow2(BlockSource& disk, const PackOptions& options);  // reads and packs all that is allocated
    std::uint64_t virtual_size() const { return virtual_size_; }
    std::uint64_t file_size() const;
    void write(ByteSink& sink);  // exactly file_size() bytes; does not finish the sink

private:
    void pack();
    void write_header(ByteSink& sink) const;
    void write_refcounts(ByteSink& sink) const;
    void write_l1(ByteSink& sink) const;
    void write_l2_tables(ByteSink& sink) const;
    std::uint64_t first_l1() const { return 1 + refcount_table_clusters_ + refcount_blocks_; }
    std::uint64_t l1_entries() const;
    std::uint64_t first_l2() const;
    std::uint64_t first_plain() const { return first_l2() + l2_tables_.size(); }
    std::uint64_t first_packed() const { return first_plain() + plain_; }  // clusters, as all of these
    std::uint64_t clusters() const;

    BlockSource& disk_;
    PackOptions options_;
    std::uint64_t virtual_size_;
    std::vector<UnitRun> runs_;             // guest clusters that hold data
    std::vector<std::uint64_t> l2_tables_;  // L1 indexes, ascending
    std::vector<std::uint32_t> sizes_;      // of each of these clusters: packed bytes, or one of two marks
    File spool_;
    std::uint64_t plain_ = 0, packed_bytes_ = 0, refcount_table_clusters_ = 0, refcount_blocks_ = 0;
};

}  // namespace formats::qcow2
