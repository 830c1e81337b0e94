// SPDX-License-Identifier: Apache-2.0
#include "formats/stream/ahead_source.hpp"

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

namespace formats {
namespace {

constexpr std::size_t piece = std::size_t{512} << 10, max_pieces = 8;

}  // namespace

struct AheadSource::Worker {
    ByteSource& from;
    std::mutex mutex{};
    std::condition_variable changed{};
    std::deque<std::vector<std::byte>> full{}, spare{};
    bool closed = false, ended = false;
    std::exception_ptr failure{};
    std::thread thread{};

    void work() {
        std::unique_lock lock(mutex);
        while (!closed && !ended) {
            std::vector<std::byte> bytes;
            if (!spare.empty()) {
                bytes = std::move(spare.front());
                spare.pop_front();
            }
            lock.unlock();
            std::exception_ptr problem;
            try {
                bytes.resize(piece);
                bytes.resize(read_full(from, bytes));
            } catch (...) {
                problem = std::current_exception();
            }
            lock.lock();
            failure = problem;
            ended = problem || bytes.size() < piece;
            if (!problem && !bytes.empty()) full.push_back(std::move(bytes));
            changed.notify_all();
            changed.wait(lock, [&] { return closed || full.size() < max_pieces; });
        }
    }
};

AheadSource::AheadSource(ByteSource& from) : worker_(new Worker{from}) {
    worker_->thread = std::thread([worker = worker_.get()] { worker->work(); });
}

AheadSource::~AheadSource() {
    {
        const std::lock_guard lock(worker_->mutex);
        worker_->closed = true;
    }
    worker_->changed.notify_all();
    worker_->thread.join();
}

std::size_t AheadSource::read(std::span<std::byte> out) {
    if (out.empty()) return 0;
    if (taken_ == current_.size()) {
        std::unique_lock lock(worker_->mutex);
        if (!current_.empty()) worker_->spare.push_back(std::exchange(current_, {}));
        taken_ = 0;
        worker_->changed.wait(lock, [&] { return !worker_->full.empty() || worker_->ended; });
        if (worker_->full.empty()) {
            if (worker_->failure) std::rethrow_exception(worker_->failure);
            return 0;
        }
        current_ = std::move(worker_->full.front());
        worker_->full.pop_front();
        worker_->changed.notify_all();
    }
    const std::size_t count = std::min(out.size(), current_.size() - taken_);
    std::copy_n(current_.begin() + static_cast<std::ptrdiff_t>(taken_), count, out.begin());
    taken_ += count;
    return count;
}

PeekedSource::PeekedSource(ByteSource& from, std::size_t count) : from_(from), first_(count) {
    first_.resize(read_full(from, first_));
}

std::size_t PeekedSource::read(std::span<std::byte> out) {
    if (taken_ == first_.size()) return from_.read(out);
    const std::size_t count = std::min(out.size(), first_.size() - taken_);
    std::copy_n(first_.begin() + static_cast<std::ptrdiff_t>(taken_), count, out.begin());
    taken_ += count;
    return count;
}

}  // namespace formats
