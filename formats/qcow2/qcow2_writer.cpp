// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "formats/base/checked.hpp"
#include "formats/disk/ranked_runs.hpp"
#include "formats/qcow2/qcow2.hpp"
#include "formats/qcow2/qcow2_header.hpp"

namespace formats::qcow2 {
namespace {

constexpr std::uint64_t sector = 512;
constexpr std::uint64_t cluster = Qcow2Layout::cluster_size;
constexpr std::uint64_t refcounts_per_block = cluster / 2;  // 16 bits each

Header header_of(const Qcow2Layout& layout) {
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
    return header;
}

class Qcow2Output : public RangedOutput {
public:
    explicit Qcow2Output(const Qcow2Layout& layout) : layout_(layout), runs_(layout.runs()) {}
    std::uint64_t size() const override { return layout_.file_size(); }

private:
    // Where each part begins, in clusters; the data behind the last.
    enum Part { header, refcount_table, refcounts, l1, l2, data };
    std::uint64_t first_of(Part part) const {
        switch (part) {
            case header:
                return 0;
            case refcount_table:
                return 1;
            case refcounts:
                return layout_.first_refcount_block();
            case l1:
                return layout_.first_l1();
            case l2:
                return layout_.first_l2();
            default:
                return layout_.first_data();
        }
    }
    Part part_at(std::uint64_t offset) const {
        for (const Part part : {data, l2, l1, refcounts, refcount_table})
            if (offset >= first_of(part) * cluster) return part;
        return header;
    }

    Piece piece_at(std::uint64_t offset) const override {
        const Part part = part_at(offset);
        if (part != data) return {first_of(static_cast<Part>(part + 1)) * cluster - offset};
        const UnitRun run = runs_.unit_at(offset / cluster - first_of(data));
        const std::uint64_t inside = offset % cluster;
        return {run.count * cluster - inside, &layout_.disk(), run.first * cluster + inside};
    }

    void make(std::uint64_t offset, std::span<std::byte> out) const override {
        const Part part = part_at(offset);
        offset -= first_of(part) * cluster;
        switch (part) {
            case header:
                return make_header(offset, out);
            case refcount_table:
                return make_entries<be64>(offset, out, [&](std::uint64_t i) {
                    return i < layout_.refcount_blocks() ? (layout_.first_refcount_block() + i) * cluster : 0;
                });
            case refcounts:
                return make_entries<be16>(offset, out,
                                          [&](std::uint64_t i) { return i < layout_.clusters() ? 1U : 0U; });
            case l1:
                return make_l1(offset, out);
            default:
                return make_l2(offset, out);
        }
    }

    void make_header(std::uint64_t offset, std::span<std::byte> out) const {
        const Header bytes = header_of(layout_);
        const std::uint64_t there =
            offset < v3_header_size ? std::min<std::uint64_t>(out.size(), v3_header_size - offset) : 0;
        if (there > 0) copy_part(bytes_of(bytes), offset, out.first(there));
        std::ranges::fill(out.subspan(there), std::byte{0});
    }

    void make_l1(std::uint64_t offset, std::span<std::byte> out) const {
        const std::vector<std::uint64_t>& tables = layout_.l2_tables();
        auto table = std::ranges::lower_bound(tables, offset / sizeof(be64));
        make_entries<be64>(offset, out, [&](std::uint64_t i) -> std::uint64_t {
            if (table == tables.end() || *table != i) return 0;
            return (layout_.first_l2() + static_cast<std::uint64_t>(table++ - tables.begin())) * cluster | copied;
        });
    }

    void make_l2(std::uint64_t offset, std::span<std::byte> out) const {
        const auto unit = [&](std::uint64_t i) {
            return layout_.l2_tables()[i / Qcow2Layout::table_entries] * Qcow2Layout::table_entries +
                   i % Qcow2Layout::table_entries;
        };
        RankedRuns::Walk walk(runs_, unit(offset / sizeof(be64)));
        make_entries<be64>(offset, out, [&](std::uint64_t i) {
            const std::uint64_t guest = unit(i);
            return walk.has(guest) ? (layout_.first_data() + walk.rank(guest)) * cluster | copied : 0;
        });
    }

    const Qcow2Layout& layout_;
    RankedRuns runs_;
};

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

std::unique_ptr<RangedOutput> qcow2_output(const Qcow2Layout& layout) {
    return std::make_unique<Qcow2Output>(layout);
}

}  // namespace formats::qcow2
