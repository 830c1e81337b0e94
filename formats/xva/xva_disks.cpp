// SPDX-License-Identifier: Apache-2.0
#include "formats/xva/xva_disks.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "formats/base/checked.hpp"
#include "formats/base/errors.hpp"
#include "formats/disk/disk_stream.hpp"
#include "formats/stream/tar.hpp"
#include "formats/xva/xva_reader.hpp"

namespace formats::xva {
namespace {

// Chunks of equal length that follow each other on the disk and, at equal steps, in the archive.
struct ChunkRun {
    std::uint64_t offset, place, length, step, count;
    std::uint64_t end() const { return offset + length * count; }
};

class XvaDisk : public BlockSource {
public:
    XvaDisk(std::shared_ptr<BlockSource> file, std::string reference, std::uint64_t size, std::vector<ChunkRun> runs)
        : file_(std::move(file)), reference_(std::move(reference)), size_(size), runs_(std::move(runs)) {}

    std::uint64_t virtual_size() const override { return size_; }

    Extent extent_at(std::uint64_t offset) override {
        auto run = run_behind(offset);
        if (run == runs_.end() || run->offset > offset)
            return {offset, (run == runs_.end() ? size_ : run->offset) - offset, false};
        std::uint64_t end = run->end();
        for (++run; run != runs_.end() && run->offset == end; ++run) end = run->end();
        return {offset, end - offset, true};
    }

    void read_at(std::uint64_t offset, std::span<std::byte> out) override {
        while (!out.empty()) {
            const auto run = run_behind(offset);
            std::size_t count = out.size();
            if (run == runs_.end() || run->offset > offset) {
                if (run != runs_.end()) count = std::min<std::uint64_t>(count, run->offset - offset);
                std::ranges::fill(out.first(count), std::byte{0});
            } else {
                const std::uint64_t in_chunk = (offset - run->offset) % run->length;
                count = std::min<std::uint64_t>(count, run->length - in_chunk);
                read_in_chunk(*run, offset - in_chunk, in_chunk, out.first(count));
            }
            offset += count;
            out = out.subspan(count);
        }
    }

private:
    // The first run that ends behind `offset`.
    std::vector<ChunkRun>::const_iterator run_behind(std::uint64_t offset) const {
        return std::ranges::upper_bound(runs_, offset, {}, [](const ChunkRun& run) { return run.end(); });
    }

    void read_in_chunk(const ChunkRun& run, std::uint64_t start, std::uint64_t in_chunk, std::span<std::byte> out) {
        if (out.size() == run.length) return load(run, start, out);
        if (held_at_ != start) {
            held_at_ = UINT64_MAX;
            held_.resize(run.length);
            load(run, start, held_);
            held_at_ = start;
        }
        std::ranges::copy(std::span(held_).subspan(in_chunk, out.size()), out.begin());
    }

    // REQUIRES: out.size() is the chunk's length. The checksum's member stands right behind the data.
    void load(const ChunkRun& run, std::uint64_t start, std::span<std::byte> out) {
        const std::uint64_t place = run.place + (start - run.offset) / run.length * run.step;
        std::array<std::byte, 2 * tar::block> behind;
        file_->read_at(place, out);
        file_->read_at(place + out.size(), behind);
        const auto member = tar::parse_header(std::span(behind).first<tar::block>(), place + out.size());
        if (!member || member->size > 64) throw CorruptImage("xva: the archive changed while it was read");
        verify_chunk(out, {reinterpret_cast<const char*>(behind.data()) + tar::block, member->size},
                     member->name.substr(0, member->name.rfind('.')));
    }

    std::shared_ptr<BlockSource> file_;
    std::string reference_;
    std::uint64_t size_;
    std::vector<ChunkRun> runs_;
    std::vector<std::byte> held_;
    std::uint64_t held_at_ = UINT64_MAX;  // the chunk in held_
};

void append(std::vector<ChunkRun>& runs, std::uint64_t offset, std::uint64_t place, std::uint64_t length) {
    if (!runs.empty()) {
        ChunkRun& last = runs.back();
        const std::uint64_t step = place - (last.place + (last.count - 1) * last.step);
        if (last.length == length && last.end() == offset && (last.count == 1 || last.step == step)) {
            last.step = step;
            ++last.count;
            return;
        }
    }
    runs.push_back({offset, place, length, 0, 1});
}

}  // namespace

XvaImage open_xva(std::shared_ptr<BlockSource> file, Facts* facts) {
    DiskStream stream(*file);
    std::vector<std::vector<ChunkRun>> runs;
    const XvaReport report =
        index_xva(stream, [&](std::size_t disk, std::uint64_t offset, std::uint64_t place, std::uint64_t length) {
            check_range(place, length + 2 * tar::block, file->virtual_size(), "xva: a chunk with its checksum");
            if (runs.size() <= disk) runs.resize(disk + 1);
            append(runs[disk], offset, place, length);
        });
    runs.resize(report.disks.size());
    XvaImage image;
    image.hardware = report.hardware;
    for (std::size_t i = 0; i < report.disks.size(); ++i) {
        const DiskReport& disk = report.disks[i];
        if (disk.virtual_size == 0) throw CorruptImage("xva: " + disk.reference + " has a virtual_size of 0");
        image.references.push_back(disk.reference);
        image.disks.push_back(std::make_unique<XvaDisk>(file, disk.reference, disk.virtual_size, std::move(runs[i])));
        if (facts) facts->feature(disk.reference, std::to_string(disk.chunks) + " chunks, checksums " + disk.checksum);
    }
    if (image.disks.empty()) throw RefusedImage("xva: the archive has no disk");
    return image;
}

}  // namespace formats::xva
