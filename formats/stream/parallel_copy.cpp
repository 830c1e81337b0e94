// SPDX-License-Identifier: Apache-2.0
#include "formats/stream/parallel_copy.hpp"

#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>

namespace formats {
namespace {

// What one thread takes at a time, cut at multiples of this in the target: the page cache then takes each write as one
// folio, and the writes of all threads stay near each other. Measured: bench/README.md.
constexpr std::uint64_t piece = std::uint64_t{128} << 10;
constexpr std::size_t max_queued = 256;

// Whether copy_file_range() only moves page after page there, which is slower than plain calls. Others share blocks
// (btrfs, XFS) or copy at the server (NFS).
bool copies_by_pages(const File& file) {
    struct statfs status {};
    return ::fstatfs(file.descriptor(), &status) == 0 &&
           (status.f_type == EXT4_SUPER_MAGIC || status.f_type == TMPFS_MAGIC);
}

// What it did not do, be it for an error or the end of the source, is left to plain calls, which tell why.
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

// REQUIRES: `length` fits into `buffer`.
void copy_range(const File& from, std::uint64_t offset, std::uint64_t length, const File& to, std::uint64_t to_offset,
                bool by_pages, std::span<std::byte> buffer) {
    const std::uint64_t done = by_pages ? 0 : copy_in_kernel(from, offset, length, to, to_offset);
    const auto rest = buffer.first(length - done);
    if (rest.empty()) return;
    from.read_at(offset + done, rest);
    to.write_at(to_offset + done, rest);
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
    if (threads_.empty()) {
        by_pages_ = copies_by_pages(to_);
        // Writers of one file wait for each other: more threads would only wait.
        for (unsigned i = 0; i < std::clamp(std::thread::hardware_concurrency(), 2U, 4U); ++i)
            threads_.emplace_back([this] { work(); });
    }
    std::unique_lock lock(mutex_);
    while (length > 0) {
        changed_.wait(lock, [&] { return failure_ || queue_.size() < max_queued; });
        check();
        // Neighbours are joined: a fragmented image gives thousands of small ranges.
        const std::uint64_t count = std::min(piece - to_offset % piece, length);
        if (!queue_.empty() && queue_.back().from == &from && queue_.back().offset + queue_.back().length == offset &&
            queue_.back().to_offset + queue_.back().length == to_offset && to_offset % piece != 0)
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
    std::vector<std::byte> buffer(piece);
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
            copy_range(*range.from, range.offset, range.length, to_, range.to_offset, by_pages_, buffer);
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
