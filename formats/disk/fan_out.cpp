// SPDX-License-Identifier: Apache-2.0
#include "formats/disk/fan_out.hpp"

#include <algorithm>
#include <exception>
#include <future>

namespace formats {

class FanOut::Reader : public BlockSource {
public:
    Reader(FanOut& fan, std::size_t index) : fan_(fan), index_(index) {}
    std::uint64_t virtual_size() const override { return fan_.disk_.virtual_size(); }
    Extent extent_at(std::uint64_t offset) override {
        const std::lock_guard lock(fan_.mutex_);
        return fan_.disk_.extent_at(offset);
    }
    void read_at(std::uint64_t offset, std::span<std::byte> out) override { fan_.read(index_, offset, out); }

private:
    FanOut& fan_;
    std::size_t index_;
};

FanOut::FanOut(BlockSource& disk, std::size_t readers) : disk_(disk), positions_(readers) {
    for (std::size_t i = 0; i < readers; ++i) readers_.push_back(std::make_unique<Reader>(*this, i));
}
FanOut::~FanOut() = default;

BlockSource& FanOut::reader(std::size_t index) {
    return *readers_[index];
}

void FanOut::done(std::size_t index) {
    const std::lock_guard lock(mutex_);
    positions_[index] = UINT64_MAX;
    moved_.notify_all();
}

void FanOut::cancel() {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    moved_.notify_all();
}

std::uint64_t FanOut::slowest() const {
    return *std::ranges::min_element(positions_);
}

void FanOut::read(std::size_t index, std::uint64_t offset, std::span<std::byte> out) {
    std::unique_lock lock(mutex_);
    positions_[index] = offset;
    moved_.notify_all();
    while (!out.empty()) {
        moved_.wait(lock, [&] { return cancelled_ || offset <= slowest() || offset - slowest() < window; });
        if (cancelled_) throw Cancelled("another output of the same conversion failed");
        const std::uint64_t start = offset / piece * piece;
        auto found = pieces_.find(start);
        if (found == pieces_.end()) {
            std::vector<std::byte> bytes(std::min(piece, disk_.virtual_size() - start));
            disk_.read_at(start, bytes);
            found = pieces_.emplace(start, std::move(bytes)).first;
        }
        const auto& bytes = found->second;
        const std::size_t count = std::min<std::uint64_t>(out.size(), start + bytes.size() - offset);
        std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset - start), count, out.begin());
        offset += count;
        out = out.subspan(count);
        positions_[index] = offset;
        pieces_.erase(pieces_.begin(), pieces_.lower_bound(slowest() / piece * piece));
        moved_.notify_all();
    }
}

void read_side_by_side(const std::vector<BlockSource*>& disks, std::size_t readers,
                       const std::function<void(std::size_t, const std::vector<BlockSource*>&)>& read) {
    std::vector<std::unique_ptr<FanOut>> fans;
    for (BlockSource* disk : disks) fans.push_back(std::make_unique<FanOut>(*disk, readers));
    std::vector<std::future<void>> running;
    for (std::size_t i = 0; i < readers; ++i)
        running.push_back(std::async(std::launch::async, [&fans, &read, i] {
            std::vector<BlockSource*> mine;
            for (const auto& fan : fans) mine.push_back(&fan->reader(i));
            try {
                read(i, mine);
            } catch (...) {
                for (const auto& fan : fans) fan->cancel();
                throw;
            }
            for (const auto& fan : fans) fan->done(i);
        }));
    std::exception_ptr first, cancelled;
    for (std::future<void>& one : running) {
        try {
            one.get();
        } catch (const Cancelled&) {
            cancelled = std::current_exception();
        } catch (...) {
            if (!first) first = std::current_exception();
        }
    }
    if (!first) first = cancelled;
    if (first) std::rethrow_exception(first);
}

}  // namespace formats
