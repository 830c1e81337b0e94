// SPDX-License-Identifier: Apache-2.0
#include "formats/base/workers.hpp"

#include <algorithm>

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
    if (idle_ < queue_.size() && threads_.size() < (wanted_ ? wanted_ : processors()))
        threads_.emplace_back([this] { work(); });
    changed_.notify_one();
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
