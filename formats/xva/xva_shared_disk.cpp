// SPDX-License-Identifier: Apache-2.0
#include "formats/xva/xva_shared_disk.hpp"

#include <array>
#include <mutex>

#include "formats/base/errors.hpp"
#include "formats/stream/tar.hpp"
#include "formats/xva/xva_reader.hpp"

namespace formats::xva {
namespace {

class SharedDisk : public BlockSource {
public:
    SharedDisk(std::shared_ptr<BlockSource> file, std::uint64_t size, ChunkRuns runs, bool verified)
        : file_(std::move(file)), size_(size), runs_(std::move(runs)) {
        if (!verified) return;
        for (const ChunkRun& run : runs_) {
            first_.push_back(verified_.size());
            verified_.resize(verified_.size() + run.count);
        }
    }

    std::uint64_t virtual_size() const override { return size_; }
    Extent extent_at(std::uint64_t offset) override { return runs_.extent_at(offset, size_); }

    void read_at(std::uint64_t offset, std::span<std::byte> out) override {
        runs_.read_at(offset, out, [&](std::size_t index, std::uint64_t chunk, std::uint64_t inside, auto part) {
            const ChunkRun& run = runs_[index];
            const std::uint64_t place = run.place + chunk * run.step;
            if (!first_.empty()) verify(first_[index] + chunk, place, run.length);
            file_->read_at(place + inside, part);
        });
    }

private:
    void verify(std::size_t index, std::uint64_t place, std::uint64_t length) {
        {
            const std::lock_guard lock(mutex_);
            if (verified_[index]) return;
        }
        std::vector<std::byte> data(length);
        std::array<std::byte, 2 * tar::block> member{};
        file_->read_at(place, data);
        file_->read_at(place + length, member);
        verify_with_member(data, member, place);
        const std::lock_guard lock(mutex_);
        verified_[index] = true;
    }

    std::shared_ptr<BlockSource> file_;
    std::uint64_t size_;
    ChunkRuns runs_;
    std::vector<std::size_t> first_;  // of each run's chunks, in verified_
    std::mutex mutex_;
    std::vector<bool> verified_;
};

}  // namespace

void verify_with_member(std::span<const std::byte> data, std::span<const std::byte> member, std::uint64_t place) {
    const auto found = tar::parse_header(member.first<tar::block>(), place + data.size());
    if (!found || found->size > 64) throw CorruptImage("xva: the archive changed while it was read");
    verify_chunk(data, {reinterpret_cast<const char*>(member.data()) + tar::block, found->size},
                 found->name.substr(0, found->name.rfind('.')));
}

std::unique_ptr<BlockSource> shared_disk(std::shared_ptr<BlockSource> file, std::uint64_t size, ChunkRuns runs,
                                         bool verified) {
    return std::make_unique<SharedDisk>(std::move(file), size, std::move(runs), verified);
}

}  // namespace formats::xva
