// SPDX-License-Identifier: Apache-2.0
#pragma once
// Copies ranges between files on a few threads. What fails is thrown by the next call or by wait().
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "formats/base/file.hpp"

namespace formats {

class ParallelCopy {
public:
    explicit ParallelCopy(const File& to) : to_(to) {}
    ~ParallelCopy();
    // REQUIRES: `from` stays open until wait() or the end of this.
    void copy(const File& from, std::uint64_t offset, std::uint64_t length, std::uint64_t to_offset);
    void wait();  // until all is copied

private:
    struct Range {
        const File* from;
        std::uint64_t offset, length, to_offset;
    };
    void work();
    void check();

    const File& to_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Range> queue_;
    std::size_t busy_ = 0;
    bool closed_ = false, by_pages_ = false;
    std::exception_ptr failure_;
    std::vector<std::thread> threads_;  // started with the first copy
};

}  // namespace formats
