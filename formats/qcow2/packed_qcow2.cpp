// SPDX-License-Identifier: Apache-2.0
#include "formats/qcow2/packed_qcow2.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <future>
#include <system_error>
#include <utility>

#include "formats/base/checked.hpp"
#include "formats/disk/zeroes.hpp"
#include "formats/qcow2/cluster_codec.hpp"
#include "formats/qcow2/qcow2_header.hpp"
#include "formats/qcow2/table_writer.hpp"

namespace formats::qcow2 {
namespace {

constexpr std::uint32_t cluster_bits = 16, offset_bits = 62 - (cluster_bits - 8);
constexpr std::uint64_t cluster = std::uint64_t{1} << cluster_bits, entries_per_table = cluster / 8, sector = 512;
constexpr std::uint64_t batch = 16;                                       // clusters that one thread packs at a time
constexpr std::uint32_t plain_mark = 0xffffffff, zero_mark = 0xfffffffe;  // not packed; all zero, and left out

struct Packed {
    std::vector<std::uint32_t> sizes;
    std::vector<std::byte> bytes;
};

Packed pack_batch(const std::vector<std::byte>& data, bool zstd, int level) {
    Packed result;
    for (std::size_t at = 0; at < data.size(); at += cluster) {
        const auto part = std::span(data).subspan(at, cluster);
        if (all_zero(part)) {
            result.sizes.push_back(zero_mark);
            continue;
        }
        const std::vector<std::byte> packed = pack_cluster(zstd, level, part);
        result.sizes.push_back(packed.empty() ? plain_mark : static_cast<std::uint32_t>(packed.size()));
        result.bytes.insert(result.bytes.end(), packed.begin(), packed.end());
    }
    return result;
}

}  // namespace

PackedQcow2::PackedQcow2(BlockSource& disk, const PackOptions& options)
    : disk_(disk),
      options_(options),
      virtual_size_(round_up(disk.virtual_size(), sector)),
      runs_(allocated_units(disk, cluster)) {
    for (const UnitRun& run : runs_)
        for (std::uint64_t table = run.first / entries_per_table;
             table <= (run.first + run.count - 1) / entries_per_table; ++table)
            if (l2_tables_.empty() || l2_tables_.back() != table) l2_tables_.push_back(table);
    pack();
    for (std::uint64_t before = UINT64_MAX; before != clusters();) {
        before = clusters();
        refcount_blocks_ = divide_up(before, cluster / 2);
        refcount_table_clusters_ = divide_up(refcount_blocks_ * 8, cluster);
    }
    // From here on every byte of the file is determined.
}

void PackedQcow2::pack() {
    const int descriptor = ::open(options_.spool_folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (descriptor < 0)
        throw std::system_error(errno, std::generic_category(),
                                "make a file to pack into in " + options_.spool_folder.string());
    spool_ = File(descriptor, "the spool file in " + options_.spool_folder.string());
    std::deque<std::future<Packed>> running;
    const auto take = [&] {
        const Packed packed = running.front().get();
        running.pop_front();
        spool_.write_at(packed_bytes_, packed.bytes);
        packed_bytes_ += packed.bytes.size();
        plain_ += static_cast<std::uint64_t>(std::ranges::count(packed.sizes, plain_mark));
        sizes_.insert(sizes_.end(), packed.sizes.begin(), packed.sizes.end());
    };
    for (const UnitRun& run : runs_)
        for (std::uint64_t first = run.first; first < run.first + run.count; first += batch) {
            std::vector<std::byte> data(std::min(batch, run.first + run.count - first) * cluster);
            read_padded(disk_, first * cluster, data);
            if (running.size() == std::max(1U, options_.threads)) take();
            running.push_back(std::async(std::launch::async, [this, data = std::move(data)] {
                return pack_batch(data, options_.zstd, options_.level);
            }));
        }
    while (!running.empty()) take();
}

std::uint64_t PackedQcow2::l1_entries() const {
    return std::max<std::uint64_t>(1, divide_up(virtual_size_, entries_per_table * cluster));
}
std::uint64_t PackedQcow2::first_l2() const {
    return first_l1() + divide_up(l1_entries() * 8, cluster);
}
std::uint64_t PackedQcow2::clusters() const {
    return first_packed() + divide_up(packed_bytes_, cluster);
}
std::uint64_t PackedQcow2::file_size() const {
    return clusters() * cluster;
}

void PackedQcow2::write_header(ByteSink& sink) const {
    Header header{};
    header.magic = magic;
    header.version = 3;
    header.cluster_bits = cluster_bits;
    header.size = virtual_size_;
    header.l1_size = static_cast<std::uint32_t>(l1_entries());
    header.l1_table_offset = first_l1() * cluster;
    header.refcount_table_offset = cluster;
    header.refcount_table_clusters = static_cast<std::uint32_t>(refcount_table_clusters_);
    header.refcount_order = 4;
    header.header_length = options_.zstd ? sizeof header : v3_header_size;
    header.incompatible_features = options_.zstd ? incompatible::compression : 0;
    header.compression_type = options_.zstd ? 1 : 0;
    std::vector<std::byte> bytes(cluster);
    std::ranges::copy(bytes_of(header), bytes.begin());
    sink.write(bytes);
}

void PackedQcow2::write_refcounts(ByteSink& sink) const {
    TableWriter<be64, cluster> table(sink);
    for (std::uint64_t i = 0; i < refcount_blocks_; ++i) table.append((1 + refcount_table_clusters_ + i) * cluster);
    table.flush();
    TableWriter<be16, cluster> refcounts(sink);
    for (std::uint64_t i = 0; i < first_packed(); ++i) refcounts.append(1);
    // A host cluster of the packed part has as many users as packed clusters touch it.
    std::uint64_t place = 0, current = 0, users = 0;
    for (const std::uint32_t size : sizes_) {
        if (size == plain_mark || size == zero_mark) continue;
        for (; current < place / cluster; ++current, users = 0) refcounts.append(users);
        ++users;
        place += size;
        for (; current < (place - 1) / cluster; ++current, users = 1) refcounts.append(users);
    }
    if (users > 0) refcounts.append(users);
    refcounts.flush();
}

void PackedQcow2::write_l1(ByteSink& sink) const {
    TableWriter<be64, cluster> l1(sink);
    auto table = l2_tables_.begin();
    std::uint64_t host = first_l2();
    for (std::uint64_t i = 0; i < l1_entries(); ++i) {
        const bool there = table != l2_tables_.end() && *table == i;
        l1.append(there ? host++ * cluster | copied : 0);
        if (there) ++table;
    }
    l1.flush();
}

void PackedQcow2::write_l2_tables(ByteSink& sink) const {
    auto run = runs_.begin();
    auto size = sizes_.begin();
    std::uint64_t plain = first_plain() * cluster, packed = first_packed() * cluster;
    const auto entry = [&]() -> std::uint64_t {
        const std::uint32_t bytes = *size++;
        if (bytes == zero_mark) return 0;
        if (bytes == plain_mark) return std::exchange(plain, plain + cluster) | copied;
        const std::uint64_t host = std::exchange(packed, packed + bytes);
        return compressed | ((host + bytes - 1) / sector - host / sector) << offset_bits | host;
    };
    for (const std::uint64_t table : l2_tables_) {
        TableWriter<be64, cluster> entries(sink);
        const std::uint64_t first = table * entries_per_table;
        for (std::uint64_t i = first; i < first + entries_per_table; ++i) {
            while (run != runs_.end() && i >= run->first + run->count) ++run;
            entries.append(run != runs_.end() && i >= run->first ? entry() : 0);
        }
        entries.flush();
    }
}

void PackedQcow2::write(ByteSink& sink) {
    write_header(sink);
    write_refcounts(sink);
    write_l1(sink);
    write_l2_tables(sink);
    std::vector<std::byte> buffer(cluster);
    auto size = sizes_.begin();
    for (const UnitRun& run : runs_)
        for (std::uint64_t i = run.first; i < run.first + run.count; ++i)
            if (*size++ == plain_mark) {
                read_padded(disk_, i * cluster, buffer);
                sink.write(buffer);
            }
    for (std::uint64_t place = 0; place < packed_bytes_; place += cluster) {
        const auto part = std::span(buffer).first(std::min(cluster, packed_bytes_ - place));
        spool_.read_at(place, part);
        sink.write(part);
        if (part.size() < cluster) sink.write_zeroes(cluster - part.size());
    }
}

}  // namespace formats::qcow2
