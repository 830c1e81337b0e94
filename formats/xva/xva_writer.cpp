// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstdio>
#include <future>
#include <memory>

#include "formats/base/workers.hpp"
#include "formats/stream/digest.hpp"
#include "formats/stream/sha1_lanes.hpp"
#include "formats/stream/tar.hpp"
#include "formats/xva/xva.hpp"

namespace formats::xva {
namespace {

// A chunk's part of the archive: header, data, then the checksum's member.
constexpr std::uint64_t data_end = tar::block + chunk_size, part_size = data_end + 2 * tar::block;

std::string name_of(const XvaLayout::Disk& disk, std::uint32_t chunk) {
    std::array<char, 48> name{};
    std::snprintf(name.data(), name.size(), "%s/%08u", disk.reference.c_str(), chunk);
    return name.data();
}

using ChecksumMember = std::array<std::byte, 2 * tar::block>;

ChecksumMember checksum_member(Checksum kind, const std::string& name, const std::string& sum) {
    ChecksumMember member{};
    std::ranges::copy(tar::header(name + (kind == Checksum::sha1 ? ".checksum" : ".xxhash"), sum.size()),
                      member.begin());
    std::ranges::copy(std::as_bytes(std::span(sum)), member.begin() + tar::block);
    return member;
}

std::vector<std::string> checksums_of(Checksum kind, std::span<const std::span<const std::byte>> chunks) {
    if (kind == Checksum::sha1) return sha1_of_each(chunks);
    std::vector<std::string> sums;
    for (const auto& chunk : chunks) {
        std::array<char, 17> text{};
        std::snprintf(text.data(), text.size(), "%016llX", static_cast<unsigned long long>(xxh64(chunk)));
        sums.emplace_back(text.data());
    }
    return sums;
}

std::vector<std::byte> description_member(const XvaLayout& layout) {
    const auto text = std::as_bytes(std::span(layout.ova_xml()));
    std::vector<std::byte> member(tar::member_size(text.size()));
    std::ranges::copy(tar::header("ova.xml", text.size()), member.begin());
    std::ranges::copy(text, member.begin() + tar::block);
    return member;
}

class XvaOutput : public RangedOutput {
public:
    explicit XvaOutput(const XvaLayout& layout) : layout_(layout), head_(description_member(layout)) {
        for (const XvaLayout::Disk& disk : layout.disks()) parts_ += disk.chunks.size();
    }
    std::uint64_t size() const override { return layout_.file_size(); }

private:
    struct Place {
        const XvaLayout::Disk* disk;
        std::uint32_t chunk;
        std::uint64_t inside;  // of the chunk's part
    };
    std::uint64_t end_blocks() const { return head_.size() + parts_ * part_size; }
    Place place_of(std::uint64_t offset) const {
        std::uint64_t index = (offset - head_.size()) / part_size;
        const XvaLayout::Disk* disk = layout_.disks().data();
        for (; index >= disk->chunks.size(); ++disk) index -= disk->chunks.size();
        return {disk, disk->chunks[index], (offset - head_.size()) % part_size};
    }

    Piece piece_at(std::uint64_t offset) const override {
        if (offset < head_.size()) return {head_.size() - offset};
        if (offset >= end_blocks()) return {size() - offset};
        const Place place = place_of(offset);
        if (place.inside < tar::block) return {tar::block - place.inside};
        if (place.inside >= data_end) return {part_size - place.inside};
        return {data_end - place.inside, place.disk->source, place.chunk * chunk_size + place.inside - tar::block};
    }

    void make(std::uint64_t offset, std::span<std::byte> out) const override {
        if (offset < head_.size()) return copy_part(head_, offset, out);
        if (offset >= end_blocks()) return std::ranges::fill(out, std::byte{0}), void();
        const Place place = place_of(offset);
        const std::string name = name_of(*place.disk, place.chunk);
        if (place.inside < tar::block) return copy_part(tar::header(name, chunk_size), place.inside, out);
        const auto data = std::make_unique_for_overwrite<std::byte[]>(chunk_size);
        const std::span chunk(data.get(), chunk_size);
        read_chunk(*place.disk->source, place.chunk, chunk);
        const std::span<const std::byte> one = chunk;
        const std::string sum = checksums_of(layout_.checksum(), std::span(&one, 1)).front();
        copy_part(checksum_member(layout_.checksum(), name, sum), place.inside - data_end, out);
    }

    const XvaLayout& layout_;
    std::vector<std::byte> head_;
    std::uint64_t parts_ = 0;
};

// Parts of chunks while they are made: checksums are computed side by side, and all is one write.
struct Batch {
    std::unique_ptr<std::byte[]> bytes;
    std::vector<std::string> names;  // of the chunks in it
    std::future<void> complete;

    std::span<const std::byte> all() const { return {bytes.get(), names.size() * part_size}; }
    std::span<std::byte> part(std::size_t i) { return {bytes.get() + i * part_size, part_size}; }
    std::span<std::byte> data(std::size_t i) { return part(i).subspan(tar::block, chunk_size); }
    bool full() const { return names.size() == sha1_lanes; }

    void add(const XvaLayout::Disk& disk, std::uint32_t chunk) {
        if (!bytes) bytes = std::make_unique_for_overwrite<std::byte[]>(sha1_lanes * part_size);
        const std::size_t i = names.size();
        names.push_back(name_of(disk, chunk));
        std::ranges::copy(tar::header(names[i], chunk_size), part(i).begin());
        read_chunk(*disk.source, chunk, data(i));
    }
    void add_checksums(Checksum kind) {
        std::vector<std::span<const std::byte>> chunks;
        for (std::size_t i = 0; i < names.size(); ++i) chunks.emplace_back(data(i));
        const std::vector<std::string> sums = checksums_of(kind, chunks);
        for (std::size_t i = 0; i < names.size(); ++i)
            std::ranges::copy(checksum_member(kind, names[i], sums[i]), part(i).subspan(data_end).begin());
    }
};

}  // namespace

std::unique_ptr<RangedOutput> xva_output(const XvaLayout& layout) {
    return std::make_unique<XvaOutput>(layout);
}

void write_xva(const XvaLayout& layout, ByteSink& sink) {
    sink.write(description_member(layout));
    // Checksums are computed on other threads while the next chunks are read and the ones before written.
    const unsigned threads = std::min(Workers::processors(), 2U);  // faster than disks, and a batch each, of 8 MiB
    std::vector<Batch> ring(threads + 1);
    std::size_t started = 0, written = 0;
    Workers workers(threads);
    const auto start = [&] {
        Batch& batch = ring[started++ % ring.size()];
        batch.complete = workers.run([&batch, kind = layout.checksum()] { batch.add_checksums(kind); });
    };
    const auto write_oldest = [&] {
        Batch& batch = ring[written++ % ring.size()];
        batch.complete.get();
        sink.write(batch.all());
        batch.names.clear();
    };
    for (const XvaLayout::Disk& disk : layout.disks()) {
        for (const std::uint32_t chunk : disk.chunks) {
            if (started - written == ring.size()) write_oldest();
            Batch& batch = ring[started % ring.size()];
            batch.add(disk, chunk);
            if (batch.full()) start();
        }
    }
    if (started - written < ring.size() && !ring[started % ring.size()].names.empty()) start();
    while (written < started) write_oldest();
    tar::write_end(sink);
}

}  // namespace formats::xva
