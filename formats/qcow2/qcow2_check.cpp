// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include "formats/base/checked.hpp"
#include "formats/base/endian.hpp"
#include "formats/qcow2/qcow2.hpp"
#include "formats/qcow2/qcow2_tables.hpp"

namespace formats::qcow2 {
namespace {

constexpr std::uint64_t max_clusters = std::uint64_t{1} << 26;  // 256 MiB of counters
constexpr std::size_t max_errors = 100;

struct Snapshot {
    be64 l1_table_offset;
    be32 l1_size;
    be16 id_size, name_size;
    be32 seconds, nanoseconds;
    be64 vm_clock;
    be32 vm_state_size, extra_data_size;
};
static_assert(sizeof(Snapshot) == 40 && alignof(Snapshot) == 1);

// Counts how often each cluster is used, then compares with what the refcounts say.
class Counter {
public:
    Counter(BlockSource& file, const Image& image) : file_(file), image_(image) {
        const std::uint64_t clusters = divide_up(image.file_size, image.cluster_size());
        if (clusters > max_clusters)
            throw RefusedImage("qcow2: check: the file has " + std::to_string(clusters) + " clusters; " +
                               std::to_string(max_clusters) + " are the most");
        uses_.resize(clusters);
    }

    CheckReport report() {
        use(0, 1, "the header");
        use(image_.refcount_table_offset, image_.refcount_table_clusters << image_.cluster_bits, "the refcount table");
        count_l1(image_.l1_offset, image_.l1_size, "");
        count_snapshots();
        compare();
        for (const std::uint32_t uses : uses_) report_.clusters_used += uses > 0;
        return std::move(report_);
    }

private:
    void error(const std::string& what) {
        ++report_.error_count;
        if (report_.errors.size() < max_errors) report_.errors.push_back(what);
    }

    void use(std::uint64_t offset, std::uint64_t length, const std::string& what) {
        if (length == 0) return;
        if (offset >= image_.file_size) return error(what + " at byte " + std::to_string(offset) + " leaves the file");
        const std::uint64_t last = std::min(offset + length - 1, image_.file_size - 1);
        for (std::uint64_t i = offset >> image_.cluster_bits; i <= last >> image_.cluster_bits; ++i) ++uses_[i];
    }

    std::vector<be64> read_table(std::uint64_t offset, std::uint64_t entries, const std::string& what) {
        check_range(offset, entries * 8, image_.file_size, "qcow2: " + what);
        std::vector<be64> table(entries);
        file_.read_at(offset, std::as_writable_bytes(std::span(table)));
        return table;
    }

    void count_l1(std::uint64_t offset, std::uint64_t entries, const std::string& whose) {
        use(offset, entries * 8, whose + "the L1 table");
        const std::vector<be64> l1 = read_table(offset, entries, whose + "the L1 table");
        for (std::uint64_t i = 0; i < l1.size(); ++i) {
            const std::uint64_t l2 = l1[i] & offset_mask;
            if (l2 == 0) continue;
            const std::string what = whose + "L1 entry " + std::to_string(i);
            use(l2, image_.cluster_size(), what);
            if (l2 % image_.cluster_size() != 0) error(what + " is not on a cluster boundary");
            const std::uint64_t step = image_.l2_entry_size() / 8;
            const std::vector<be64> table = read_table(l2, image_.cluster_size() / 8, what);
            for (std::uint64_t k = 0; k < table.size(); k += step) count_entry(table[k], what, k / step);
        }
    }

    void count_entry(std::uint64_t entry, const std::string& table, std::uint64_t index) {
        const std::string what = table + ", L2 entry " + std::to_string(index);
        if (entry & compressed) {
            const unsigned shift = 62 - (image_.cluster_bits - 8);
            const std::uint64_t host = entry & ((std::uint64_t{1} << shift) - 1);
            use(host, (((entry & (compressed - 1)) >> shift) + 1) * 512 - host % 512, what);
        } else if (const std::uint64_t host = entry & offset_mask) {
            use(host, 1, what);
            if (host % image_.cluster_size() != 0) error(what + " is not on a cluster boundary");
        }
    }

    void count_snapshots() {
        std::uint64_t place = image_.snapshots_offset;
        for (std::uint64_t i = 0; i < image_.snapshot_count; ++i) {
            const std::string what = "snapshot " + std::to_string(i) + ": ";
            Snapshot snapshot{};
            check_range(place, sizeof snapshot, image_.file_size, "qcow2: " + what + "its record");
            file_.read_at(place, writable_bytes_of(snapshot));
            count_l1(snapshot.l1_table_offset, std::min<std::uint64_t>(snapshot.l1_size, (32U << 20) / 8), what);
            place =
                round_up(place + sizeof snapshot + snapshot.extra_data_size + snapshot.id_size + snapshot.name_size, 8);
        }
        if (image_.snapshot_count > 0)
            use(image_.snapshots_offset, place - image_.snapshots_offset, "the snapshot table");
    }

    void compare() {
        const std::uint64_t per_block = image_.cluster_size() * 8 / image_.refcount_bits;
        const std::uint64_t entries = image_.refcount_table_clusters * image_.cluster_size() / 8;
        const std::vector<be64> table = read_table(image_.refcount_table_offset, entries, "the refcount table");
        for (std::uint64_t i = 0; i < entries; ++i)
            if (table[i] != 0) use(table[i], 1, "refcount block " + std::to_string(i));
        std::vector<std::byte> block(image_.cluster_size());
        for (std::uint64_t cluster = 0; cluster < uses_.size(); ++cluster) {
            const std::uint64_t index = cluster / per_block, offset = index < entries ? std::uint64_t{table[index]} : 0;
            const bool there = offset != 0 && offset + block.size() <= image_.file_size;
            if (there && cluster % per_block == 0) file_.read_at(offset, block);
            const std::uint64_t refcount = there ? refcount_at(block, cluster % per_block) : 0;
            if (refcount < uses_[cluster])
                error("cluster " + std::to_string(cluster) + " has refcount " + std::to_string(refcount) + ", " +
                      std::to_string(uses_[cluster]) + " uses");
            if (refcount > uses_[cluster]) ++report_.leaked;
        }
    }

    std::uint64_t refcount_at(std::span<const std::byte> block, std::uint64_t index) const {
        const unsigned bits = image_.refcount_bits;
        if (bits < 8)
            return std::to_integer<unsigned>(block[index * bits / 8]) >> (index * bits % 8) & ((1U << bits) - 1);
        std::uint64_t value = 0;
        for (std::uint64_t i = 0; i < bits / 8; ++i)
            value = value << 8 | std::to_integer<std::uint64_t>(block[index * bits / 8 + i]);
        return value;
    }

    BlockSource& file_;
    const Image& image_;
    std::vector<std::uint32_t> uses_;
    CheckReport report_;
};

}  // namespace

CheckReport check_qcow2(BlockSource& file) {
    const Image image = read_header(file);
    return Counter(file, image).report();
}

}  // namespace formats::qcow2
