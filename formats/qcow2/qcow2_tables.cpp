// SPDX-License-Identifier: Apache-2.0
#include "formats/qcow2/qcow2_tables.hpp"

#include <algorithm>
#include <cstring>
#include <string>

namespace formats::qcow2 {
namespace {

constexpr std::uint64_t cache_bytes = std::uint64_t{8} << 20;
constexpr unsigned subclusters = 32;

std::uint64_t entry_at(std::span<const std::byte> table, std::uint64_t position) {
    be64 value;
    std::memcpy(&value, table.data() + position, sizeof value);
    return value;
}

std::string place(std::uint64_t l1_index, std::uint64_t index) {
    return "qcow2: L2 entry " + std::to_string(index) + " of L1 entry " + std::to_string(l1_index);
}

}  // namespace

Tables::Tables(BlockSource& file, const Image& image) : file_(file), image_(image) {
    l1_.resize(divide_up(image.virtual_size, image.l2_span()));
    file_.read_at(image.l1_offset, std::as_writable_bytes(std::span(l1_)));
    cache_.resize(std::max<std::uint64_t>(2, cache_bytes / image.cluster_size()));
}

std::uint64_t Tables::l2_offset(std::uint64_t l1_index) const {
    return l1_[l1_index] & offset_mask;
}

std::span<const std::byte> Tables::l2_table(std::uint64_t l1_index) {
    const auto found = std::ranges::find(cache_, l1_index, &Cached::l1_index);
    Cached& cached = found != cache_.end() ? *found : *std::ranges::min_element(cache_, {}, &Cached::last_use);
    if (found == cache_.end()) {
        cached.l1_index = UINT64_MAX;  // stays so when reading fails
        cached.bytes.resize(image_.cluster_size());
        file_.read_at(l2_offset(l1_index), cached.bytes);
        cached.l1_index = l1_index;
    }
    cached.last_use = ++uses_;
    return cached.bytes;
}

void Tables::verify() {
    ClusterMap map(image_);
    const std::uint64_t cluster = image_.cluster_size();
    map.take(0, std::min(cluster, image_.file_size), "qcow2: the header");
    map.take(image_.refcount_table_offset, image_.refcount_table_clusters * cluster, "qcow2: refcount_table_offset");
    if (image_.l1_size > 0) map.take(image_.l1_offset, image_.l1_size * 8, "qcow2: l1_table_offset");
    for (std::uint64_t i = 0; i < l1_.size(); ++i) {
        const std::string what = "qcow2: L1 entry " + std::to_string(i);
        if (l1_[i] & l1_reserved) throw CorruptImage(what + " has reserved bits set");
        const std::uint64_t offset = l2_offset(i);
        if (offset == 0) continue;
        if (offset % cluster != 0)
            throw CorruptImage(what + " points to byte " + std::to_string(offset) + ", not a cluster boundary");
        map.take(offset, cluster, what);
    }
    // Only when every table has its place is any of them read.
    for (std::uint64_t i = 0; i < l1_.size(); ++i) {
        if (l2_offset(i) == 0) continue;
        const std::span<const std::byte> table = l2_table(i);
        const std::uint64_t here = divide_up(image_.virtual_size - i * image_.l2_span(), cluster);
        for (std::uint64_t index = 0; index < std::min(image_.l2_entries(), here); ++index)
            verify_entry(table, i, index, map);
    }
}

void Tables::verify_entry(std::span<const std::byte> table, std::uint64_t l1_index, std::uint64_t index,
                          ClusterMap& map) {
    const std::uint64_t size = image_.l2_entry_size(), entry = entry_at(table, index * size);
    if (entry == 0 && !image_.extended_l2) return;
    if (entry & compressed) {
        const Mapping packed = map_packed(entry, 0);
        if (packed.host >= image_.file_size || packed.host < image_.cluster_size())
            throw CorruptImage(place(l1_index, index) + " points to packed byte " + std::to_string(packed.host) +
                               ", file has " + std::to_string(image_.file_size));
        if (image_.extended_l2 && entry_at(table, index * size + 8) != 0)
            throw CorruptImage(place(l1_index, index) + ": a compressed cluster with subcluster bits");
        ++packed_clusters_;
        return;
    }
    const std::uint64_t host = entry & offset_mask;
    if (entry & (l2_reserved | (image_.version < 3 || image_.extended_l2 ? zero_flag : 0)))
        throw CorruptImage(place(l1_index, index) + " has reserved bits set");
    if (image_.extended_l2) {
        const std::uint64_t bits = entry_at(table, index * size + 8);
        if ((bits >> subclusters) & bits & 0xffffffff)
            throw CorruptImage(place(l1_index, index) + ": a subcluster is both allocated and zero");
        if ((bits & 0xffffffff) != 0 && host == 0)
            throw CorruptImage(place(l1_index, index) + ": allocated subclusters without a cluster");
    }
    if (host == 0) return;
    if (host % image_.cluster_size() != 0 || host >= image_.file_size)
        throw CorruptImage(place(l1_index, index) + " points to byte " + std::to_string(host) +
                           "; a cluster boundary inside the file, which has " + std::to_string(image_.file_size) +
                           ", can be");
    map.take_cluster(host >> image_.cluster_bits, place(l1_index, index));
    ++data_clusters_;
}

Mapping Tables::map_packed(std::uint64_t entry, std::uint64_t offset) const {
    const unsigned shift = 62 - (image_.cluster_bits - 8);
    const std::uint64_t host = entry & ((std::uint64_t{1} << shift) - 1);
    const std::uint64_t sectors = ((entry & (compressed - 1)) >> shift) + 1;
    const std::uint64_t length = sectors * 512 - host % 512;
    return {Kind::packed, host, image_.cluster_size() - offset % image_.cluster_size(), length};
}

Mapping Tables::map_one(std::span<const std::byte> table, std::uint64_t offset) const {
    const std::uint64_t cluster = image_.cluster_size(), in_cluster = offset % cluster;
    const std::uint64_t position = (offset >> image_.cluster_bits) % image_.l2_entries() * image_.l2_entry_size();
    const std::uint64_t entry = entry_at(table, position);
    if (entry & compressed) return map_packed(entry, offset);
    const std::uint64_t host = entry & offset_mask;
    if (image_.extended_l2) {
        const std::uint64_t unit = cluster / subclusters;
        const bool allocated = entry_at(table, position + 8) >> (in_cluster / unit) & 1;
        return {allocated ? Kind::data : Kind::zero, host + in_cluster, unit - offset % unit};
    }
    const bool data = host != 0 && !(image_.version >= 3 && (entry & zero_flag));
    return {data ? Kind::data : Kind::zero, host + in_cluster, cluster - in_cluster};
}

Mapping Tables::map(std::uint64_t offset) {
    const std::uint64_t l1_index = offset / image_.l2_span();
    const std::uint64_t end = std::min(image_.virtual_size, (l1_index + 1) * image_.l2_span());
    if (l2_offset(l1_index) == 0) return {Kind::zero, 0, end - offset};
    const std::span<const std::byte> table = l2_table(l1_index);
    Mapping mapping = map_one(table, offset);
    while (mapping.kind != Kind::packed && offset + mapping.length < end) {
        const Mapping next = map_one(table, offset + mapping.length);
        if (next.kind != mapping.kind) break;
        if (next.kind == Kind::data && next.host != mapping.host + mapping.length) break;
        mapping.length += next.length;
    }
    mapping.length = std::min(mapping.length, end - offset);
    return mapping;
}

}  // namespace formats::qcow2
