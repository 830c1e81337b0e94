// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <vector>

#include "formats/base/checked.hpp"
#include "formats/disk/stream_disk.hpp"
#include "formats/qcow2/qcow2.hpp"
#include "formats/qcow2/qcow2_header.hpp"
#include "formats/qcow2/table_writer.hpp"

namespace formats::qcow2 {
namespace {

constexpr std::uint64_t sector = 512;
constexpr std::uint64_t cluster = Qcow2Layout::cluster_size;
constexpr std::uint64_t refcounts_per_block = cluster / 2;  // 16 bits each

template <class Entry>
using Table = TableWriter<Entry, cluster>;

void write_header(const Qcow2Layout& layout, ByteSink& sink) {
    Header header{};
    header.magic = magic;
    header.version = 3;
    header.cluster_bits = Qcow2Layout::cluster_bits;
    header.size = layout.virtual_size();
    header.l1_size = static_cast<std::uint32_t>(layout.l1_entries());
    header.l1_table_offset = layout.first_l1() * cluster;
    header.refcount_table_offset = cluster;
    header.refcount_table_clusters = static_cast<std::uint32_t>(layout.refcount_table_clusters());
    header.refcount_order = 4;
    header.header_length = v3_header_size;
    std::vector<std::byte> bytes(cluster);
    std::ranges::copy(bytes_of(header).first(v3_header_size), bytes.begin());
    sink.write(bytes);
}

void write_l2_tables(const Qcow2Layout& layout, ByteSink& sink) {
    auto run = layout.runs().begin();
    std::uint64_t host = layout.first_data();
    for (const std::uint64_t table : layout.l2_tables()) {
        Table<be64> entries(sink);
        const std::uint64_t first = table * Qcow2Layout::table_entries;
        for (std::uint64_t i = first; i < first + Qcow2Layout::table_entries; ++i) {
            while (run != layout.runs().end() && i >= run->first + run->count) ++run;
            const bool data = run != layout.runs().end() && i >= run->first;
            entries.append(data ? host++ * cluster | copied : 0);
        }
        entries.flush();
    }
}

}  // namespace

Qcow2Layout::Qcow2Layout(BlockSource& disk)
    : disk_(disk), virtual_size_(round_up(disk.virtual_size(), sector)), runs_(allocated_units(disk, cluster_size)) {
    for (const UnitRun& run : runs_) {
        data_clusters_ += run.count;
        for (std::uint64_t table = run.first / table_entries; table <= (run.first + run.count - 1) / table_entries;
             ++table)
            if (l2_tables_.empty() || l2_tables_.back() != table) l2_tables_.push_back(table);
    }
    // The refcounts count their own clusters too: they grow until nothing moves.
    for (std::uint64_t before = UINT64_MAX; before != clusters();) {
        before = clusters();
        refcount_blocks_ = divide_up(before, refcounts_per_block);
        refcount_table_clusters_ = divide_up(refcount_blocks_ * 8, cluster_size);
    }
    // From here on every byte but the data is determined.
}

std::uint64_t Qcow2Layout::l1_entries() const {
    return std::max<std::uint64_t>(1, divide_up(virtual_size_, table_entries * cluster_size));
}

std::uint64_t Qcow2Layout::l1_clusters() const {
    return divide_up(l1_entries() * 8, cluster_size);
}

void write_qcow2(const Qcow2Layout& layout, ByteSink& sink) {
    write_header(layout, sink);
    Table<be64> refcount_table(sink);
    for (std::uint64_t i = 0; i < layout.refcount_blocks(); ++i)
        refcount_table.append((layout.first_refcount_block() + i) * cluster);
    refcount_table.flush();

    Table<be16> refcounts(sink);
    for (std::uint64_t i = 0; i < layout.clusters(); ++i) refcounts.append(1);
    refcounts.flush();

    Table<be64> l1(sink);
    auto table = layout.l2_tables().begin();
    std::uint64_t host = layout.first_l2();
    for (std::uint64_t i = 0; i < layout.l1_entries(); ++i) {
        const bool there = table != layout.l2_tables().end() && *table == i;
        l1.append(there ? host++ * cluster | copied : 0);
        if (there) ++table;
    }
    l1.flush();

    write_l2_tables(layout, sink);
    for (const UnitRun& run : layout.runs()) stream_disk(layout.disk(), run.first * cluster, run.count * cluster, sink);
}

}  // namespace formats::qcow2
