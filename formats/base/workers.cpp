// SPDX-License-Identifier: Apache-2.0
#include "formats/base/workers.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <system_error>

namespace formats {

unsigned Workers::processors() {
    return std::max(1U, std::thread::hardware_concurrency());
}

Workers::~Workers() {
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        queue_.clear();
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

void Workers::push(std::function<void()> task) {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(task));
    if (idle_ < queue_.size() && threads_.size() < wanted_) {
        try {
            threads_.emplace_back([this] { work(); });
        } catch (const std::system_error&) {  // no more threads are allowed: those there are do it
            if (threads_.empty()) {
                queue_.pop_back();
                throw;
            }
        }
    }
    changed_.notify_one();
}

void Workers::each(std::size_t count, const std::function<void(std::size_t)>& work) {
    std::atomic<std::size_t> next = 0;
    const auto loop = [&] {
        for (std::size_t i = next++; i < count; i = next++) work(i);
    };
    std::vector<std::future<void>> others;
    std::exception_ptr failure;
    try {
        while (others.size() + 1 < std::min<std::size_t>(wanted_, count)) others.push_back(run(loop));
    } catch (const std::system_error&) {
        // No thread at all: the caller does it alone.
    }
    try {
        loop();
    } catch (...) {
        failure = std::current_exception();
    }
    for (std::future<void>& other : others) {
        try {
            other.get();
        } catch (...) {
            if (!failure) failure = std::current_exception();
        }
    }
    if (failure) std::rethrow_exception(failure);
}

void Workers::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        ++idle_;
        changed_.wait(lock, [&] { return closed_ || !queue_.empty(); });
        --idle_;
        if (closed_) return;
        const std::function<void()> task = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        task();
        lock.lock();
    }
}

}  // namespace formats
