// SPDX-License-Identifier: Apache-2.0
#include "formats/xva/xva_disks.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <future>
#include <span>

#include "formats/base/checked.hpp"
#include "formats/base/errors.hpp"
#include "formats/base/workers.hpp"
#include "formats/disk/disk_stream.hpp"
#include "formats/stream/tar.hpp"
#include "formats/xva/xva_reader.hpp"
#include "formats/xva/xva_shared_disk.hpp"

namespace formats::xva {
namespace {

constexpr std::size_t chunks_ahead = 4;

class XvaDisk : public BlockSource {
public:
    XvaDisk(std::shared_ptr<BlockSource> file, std::string reference, std::uint64_t size, ChunkRuns runs)
        : file_(std::move(file)), reference_(std::move(reference)), size_(size), runs_(std::move(runs)) {}

    std::uint64_t virtual_size() const override { return size_; }

    Extent extent_at(std::uint64_t offset) override { return runs_.extent_at(offset, size_); }

    void read_at(std::uint64_t offset, std::span<std::byte> out) override {
        runs_.read_at(offset, out, [&](std::size_t run, std::uint64_t index, std::uint64_t inside, auto part) {
            read_in_chunk({run, index}, inside, part);
        });
    }

private:
    struct Position {
        std::size_t run = SIZE_MAX;
        std::uint64_t index = 0;
        bool operator==(const Position&) const = default;
    };
    Position behind(Position place) const {
        if (++place.index == runs_[place.run].count) place = {place.run + 1, 0};
        return place;
    }

    struct Content {
        std::vector<std::byte> data;
        std::array<std::byte, 2 * tar::block> checksum;  // its member stands right behind the data
    };
    struct Loading {
        std::shared_ptr<Content> content;  // shared with the thread that verifies it
        std::future<void> verified;
    };

    void read_in_chunk(Position place, std::uint64_t in_chunk, std::span<std::byte> out) {
        if (held_at_ != place) {
            held_at_ = {};
            if (held_.use_count() == 1) spare_ = std::move(held_);
            held_ = load(place);
            held_at_ = place;
        }
        std::ranges::copy(std::span(held_->data).subspan(in_chunk, out.size()), out.begin());
    }

    // Who reads in order gets the next chunks read ahead, their checksums computed on other threads meanwhile.
    std::shared_ptr<Content> load(Position place) {
        const bool in_order = place == expected_;
        if (!in_order) ahead_.clear();
        Position next = place;
        for (std::size_t i = 0; i < ahead_.size(); ++i) next = behind(next);
        while (ahead_.empty() || (in_order && ahead_.size() <= chunks_ahead && next.run < runs_.size())) {
            ahead_.push_back(start(next));
            next = behind(next);
        }
        Loading chunk = std::move(ahead_.front());
        ahead_.pop_front();
        expected_ = {};
        chunk.verified.get();
        expected_ = behind(place);
        return std::move(chunk.content);
    }

    Loading start(Position position) {
        const ChunkRun& run = runs_[position.run];
        const std::uint64_t place = run.place + position.index * run.step;
        std::shared_ptr<Content> content = spare_ ? std::move(spare_) : std::make_shared<Content>();
        content->data.resize(run.length);
        file_->read_at(place, content->data);
        file_->read_at(place + run.length, content->checksum);
        return {content,
                workers_.run([content, place] { verify_with_member(content->data, content->checksum, place); })};
    }

    std::shared_ptr<BlockSource> file_;
    std::string reference_;
    std::uint64_t size_;
    ChunkRuns runs_;
    std::shared_ptr<Content> held_, spare_;  // spare_: memory to use again
    Position held_at_, expected_;            // the chunk in held_; the one behind that which was loaded last
    std::deque<Loading> ahead_;              // from expected_ on
    Workers workers_{0};
};

}  // namespace

XvaImage open_xva(std::shared_ptr<BlockSource> file, Facts* facts, Readers readers) {
    DiskStream stream(*file);
    std::vector<ChunkRuns> runs;
    const XvaReport report =
        index_xva(stream, [&](std::size_t disk, std::uint64_t offset, std::uint64_t place, std::uint64_t length) {
            check_range(place, length + 2 * tar::block, file->virtual_size(), "xva: a chunk with its checksum");
            if (runs.size() <= disk) runs.resize(disk + 1);
            runs[disk].append(offset, place, length);
        });
    runs.resize(report.disks.size());
    XvaImage image;
    image.hardware = report.hardware;
    for (std::size_t i = 0; i < report.disks.size(); ++i) {
        const DiskReport& disk = report.disks[i];
        if (disk.virtual_size == 0) throw CorruptImage("xva: " + disk.reference + " has a virtual_size of 0");
        image.references.push_back(disk.reference);
        if (readers == Readers::one)
            image.disks.push_back(
                std::make_unique<XvaDisk>(file, disk.reference, disk.virtual_size, std::move(runs[i])));
        else
            image.disks.push_back(
                shared_disk(file, disk.virtual_size, std::move(runs[i]), readers == Readers::many_verified));
        if (facts) facts->feature(disk.reference, std::to_string(disk.chunks) + " chunks, checksums " + disk.checksum);
    }
    if (image.disks.empty()) throw RefusedImage("xva: the archive has no disk");
    return image;
}

}  // namespace formats::xva
