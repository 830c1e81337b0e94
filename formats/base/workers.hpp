// SPDX-License-Identifier: Apache-2.0
#pragma once
// A few threads for work that the pipeline need not wait for at once: checksums, packing, unpacking. Who
// queues work bounds how much of it there is, by waiting for its oldest future.
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace formats {

class Workers {
public:
    explicit Workers(unsigned threads) : wanted_(threads ? threads : processors()) {}  // 0: one per processor
    ~Workers();  // work that has not begun is dropped: its future throws std::future_error

    // What `work` throws is thrown by the future. REQUIRES: what it refers to outlives this.
    template <class Work>
    std::future<std::invoke_result_t<Work>> run(Work work) {
        auto task = std::make_shared<std::packaged_task<std::invoke_result_t<Work>()>>(std::move(work));
        auto result = task->get_future();
        push([task = std::move(task)] { (*task)(); });
        return result;
    }

    // work(0) … work(count - 1), on these threads and the caller's own; returns when all are done, and throws what
    // one of them has thrown.
    void each(std::size_t count, const std::function<void(std::size_t)>& work);

    static unsigned processors();

private:
    void push(std::function<void()> task);
    void work();

    const unsigned wanted_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> queue_;
    bool closed_ = false;
    std::size_t idle_ = 0;
    std::vector<std::thread> threads_;  // started as there is work for them
};

}  // namespace formats
