// SPDX-License-Identifier: Apache-2.0
#pragma once
// Between one try and the next: each pause is twice the last one while nothing comes, and a stop ends it.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

#include "builders/job/errors.hpp"

namespace builders::network {

// `in_vain` tries in a row brought nothing. Throws Cancelled.
inline void pause_after(unsigned in_vain, std::chrono::milliseconds first,
                        std::chrono::steady_clock::time_point deadline, const std::stop_token& stop) {
    const unsigned doubled = std::min(in_vain > 0 ? in_vain - 1 : 0U, 6U);
    const auto until = std::min(deadline, std::chrono::steady_clock::now() + first * (1U << doubled));
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_until(lock, stop, until, [] { return false; });
    if (stop.stop_requested()) throw Cancelled();
}

}  // namespace builders::network
