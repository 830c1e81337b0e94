// SPDX-License-Identifier: Apache-2.0
#include "formats/stream/parallel_copy.hpp"

#include <unistd.h>

#include <algorithm>

namespace formats {
namespace {

constexpr std::uint64_t piece = std::uint64_t{4} << 20;  // what one thread takes at a time
constexpr std::size_t buffer_size = std::size_t{256} << 10, max_queued = 64;

// Inside the kernel: without a copy in our memory, and shared where the file system can. What it did not do, be it
// for an error or the end of the source, is left to plain calls, which tell why.
std::uint64_t copy_in_kernel(const File& from, std::uint64_t offset, std::uint64_t length, const File& to,
                             std::uint64_t to_offset) {
    auto in = static_cast<off_t>(offset), out = static_cast<off_t>(to_offset);
    std::uint64_t done = 0;
    while (done < length) {
        const ssize_t count = ::copy_file_range(from.descriptor(), &in, to.descriptor(), &out, length - done, 0);
        if (count <= 0) break;
        done += static_cast<std::uint64_t>(count);
    }
    return done;
}

void copy_range(const File& from, std::uint64_t offset, std::uint64_t length, const File& to, std::uint64_t to_offset,
                std::span<std::byte> buffer) {
    const std::uint64_t done = copy_in_kernel(from, offset, length, to, to_offset);
    offset += done;
    to_offset += done;
    length -= done;
    while (length > 0) {
        const auto part = buffer.first(std::min<std::uint64_t>(buffer.size(), length));
        from.read_at(offset, part);
        to.write_at(to_offset, part);
        offset += part.size();
        to_offset += part.size();
        length -= part.size();
    }
}

}  // namespace

ParallelCopy::~ParallelCopy() {
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        queue_.clear();
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

void ParallelCopy::check() {
    if (failure_) std::rethrow_exception(failure_);
}

void ParallelCopy::copy(const File& from, std::uint64_t offset, std::uint64_t length, std::uint64_t to_offset) {
    if (threads_.empty())
        for (unsigned i = 0; i < std::clamp(2 * std::thread::hardware_concurrency(), 4U, 8U); ++i)
            threads_.emplace_back([this] { work(); });
    std::unique_lock lock(mutex_);
    while (length > 0) {
        changed_.wait(lock, [&] { return failure_ || queue_.size() < max_queued; });
        check();
        // Neighbours are joined: a fragmented image gives thousands of small ranges.
        const std::uint64_t count = std::min(piece, length);
        if (!queue_.empty() && queue_.back().from == &from && queue_.back().offset + queue_.back().length == offset &&
            queue_.back().to_offset + queue_.back().length == to_offset && queue_.back().length + count <= piece)
            queue_.back().length += count;
        else
            queue_.push_back({&from, offset, count, to_offset});
        offset += count;
        to_offset += count;
        length -= count;
        changed_.notify_one();
    }
}

void ParallelCopy::wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return failure_ || (queue_.empty() && busy_ == 0); });
    check();
}

void ParallelCopy::work() {
    std::vector<std::byte> buffer(buffer_size);
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [&] { return closed_ || !queue_.empty(); });
        if (queue_.empty()) return;
        const Range range = queue_.front();
        queue_.pop_front();
        ++busy_;
        lock.unlock();
        std::exception_ptr failure;
        try {
            copy_range(*range.from, range.offset, range.length, to_, range.to_offset, buffer);
        } catch (...) {
            failure = std::current_exception();
        }
        lock.lock();
        --busy_;
        if (failure && !failure_) failure_ = failure;
        changed_.notify_all();
    }
}

}  // namespace formats
