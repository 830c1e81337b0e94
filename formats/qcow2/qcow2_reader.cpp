// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include "formats/base/errors.hpp"
#include "formats/base/workers.hpp"
#include "formats/qcow2/cluster_codec.hpp"
#include "formats/qcow2/qcow2.hpp"
#include "formats/qcow2/qcow2_tables.hpp"

namespace formats::qcow2 {
namespace {

class Qcow2Disk : public BlockSource, public HasFilePlaces {
public:
    Qcow2Disk(std::shared_ptr<BlockSource> file, Facts* facts)
        : file_(std::move(file)), tables_(*file_, read_header(*file_, facts)), image_(tables_.image()) {
        tables_.verify();
        if (facts) {
            facts->feature("data clusters", std::to_string(tables_.data_clusters()));
            facts->feature("compressed clusters", std::to_string(tables_.packed_clusters()));
        }
    }

    std::uint64_t virtual_size() const override { return image_.virtual_size; }

    Extent extent_at(std::uint64_t offset) override {
        const std::uint64_t end = std::min(image_.virtual_size, round_up(offset + 1, image_.l2_span()));
        const Mapping first = tables_.map(offset);
        std::uint64_t stop = offset + first.length;
        while (stop < end) {
            const Mapping next = tables_.map(stop);
            if ((next.kind == Kind::zero) != (first.kind == Kind::zero)) break;
            stop += next.length;
        }
        return {offset, std::min(stop, image_.virtual_size) - offset, first.kind != Kind::zero};
    }

    void read_at(std::uint64_t offset, std::span<std::byte> out) override {
        while (!out.empty()) {
            const Mapping mapping = tables_.map(offset);
            auto part = out.first(std::min<std::uint64_t>(out.size(), mapping.length));
            switch (mapping.kind) {
                case Kind::zero:
                    std::ranges::fill(part, std::byte{0});
                    break;
                case Kind::data:
                    read_data(mapping.host, part);
                    break;
                case Kind::packed:
                    if (const std::size_t clusters = packed_clusters(offset, out.size()); clusters > 1) {
                        part = out.first(clusters * image_.cluster_size());
                        read_side_by_side(offset, part);
                    } else {
                        read_packed(mapping, offset, part);
                    }
                    break;
            }
            offset += part.size();
            out = out.subspan(part.size());
        }
    }

    std::optional<FilePlace> place_at(std::uint64_t offset) override {
        const Mapping mapping = tables_.map(offset);
        if (mapping.kind != Kind::data || mapping.length > image_.file_size - mapping.host) return std::nullopt;
        std::optional<FilePlace> place = place_in(*file_, mapping.host);
        if (place) place->length = std::min(place->length, mapping.length);
        return place;
    }

private:
    // The last cluster of the file may be cut short; what is missing reads as zeroes.
    void read_data(std::uint64_t host, std::span<std::byte> out) {
        const std::uint64_t there =
            host < image_.file_size ? std::min<std::uint64_t>(out.size(), image_.file_size - host) : 0;
        if (there > 0) file_->read_at(host, out.first(there));
        std::ranges::fill(out.subspan(there), std::byte{0});
    }

    // How many whole packed clusters follow each other from `offset` on, within so many bytes.
    std::size_t packed_clusters(std::uint64_t offset, std::uint64_t bytes) {
        const std::uint64_t cluster = image_.cluster_size();
        if (offset % cluster != 0) return 0;
        std::size_t count = 0;
        while (count < bytes / cluster && tables_.map(offset + count * cluster).kind == Kind::packed) ++count;
        return count;
    }

    // Packed clusters are read one after the other and unpacked on all processors.
    void read_side_by_side(std::uint64_t offset, std::span<std::byte> out) {
        const std::uint64_t cluster = image_.cluster_size();
        stored_.resize(std::max(stored_.size(), out.size() / cluster));
        for (std::size_t i = 0; i < out.size() / cluster; ++i)
            read_stored(tables_.map(offset + i * cluster), stored_[i]);
        workers_.each(out.size() / cluster, [&](std::size_t i) {
            unpack_cluster(image_.zstd, stored_[i], out.subspan(i * cluster, cluster));
        });
    }

    void read_packed(const Mapping& mapping, std::uint64_t offset, std::span<std::byte> out) {
        const std::uint64_t in_cluster = offset % image_.cluster_size();
        if (out.size() == image_.cluster_size()) return unpack(mapping, out);
        if (unpacked_at_ != offset - in_cluster) {
            unpacked_at_ = UINT64_MAX;
            unpacked_.resize(image_.cluster_size());
            unpack(mapping, unpacked_);
            unpacked_at_ = offset - in_cluster;
        }
        std::ranges::copy(std::span(unpacked_).subspan(in_cluster, out.size()), out.begin());
    }

    void unpack(const Mapping& mapping, std::span<std::byte> cluster) {
        read_stored(mapping, stored_[0]);
        unpack_cluster(image_.zstd, stored_[0], cluster);
    }

    void read_stored(const Mapping& mapping, std::vector<std::byte>& stored) {
        stored.resize(std::min(mapping.packed, image_.file_size - mapping.host));
        file_->read_at(mapping.host, stored);
    }

    std::shared_ptr<BlockSource> file_;
    Tables tables_;
    const Image& image_;
    std::vector<std::vector<std::byte>> stored_ = {{}};  // packed clusters, as the file has them
    std::vector<std::byte> unpacked_;
    std::uint64_t unpacked_at_ = UINT64_MAX;  // the cluster in unpacked_
    Workers workers_{0};
};

}  // namespace

std::unique_ptr<BlockSource> open_qcow2(std::shared_ptr<BlockSource> file, Facts* facts) {
    return std::make_unique<Qcow2Disk>(std::move(file), facts);
}

}  // namespace formats::qcow2
