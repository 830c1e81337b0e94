// SPDX-License-Identifier: Apache-2.0
#include "server/jobs/queue_bound.hpp"

#include <algorithm>

#include "server/clock.hpp"
#include "server/jobs/job_runner.hpp"

namespace server::jobs {

QueueFull::QueueFull(std::size_t queued, std::size_t most, std::uint64_t retry_after)
    : std::runtime_error(std::to_string(queued) + " jobs wait and " + std::to_string(most) +
                         " may; nothing was queued. There may be room in " + std::to_string(retry_after) + " s"),
      queued(queued),
      most(most),
      retry_after(retry_after) {}

std::uint64_t seconds_until_room(const std::vector<std::pair<std::string, std::string>>& runs, unsigned parallel_jobs) {
    std::int64_t sum = 0, counted = 0;
    for (const auto& [started, finished] : runs) {
        const auto from = unix_of(started), to = unix_of(finished);
        if (!from || !to || *to < *from) continue;  // the clock was set meanwhile
        sum += *to - *from;
        ++counted;
    }
    if (counted == 0) return unknown_wait;
    const std::int64_t apart = counted * std::max(parallel_jobs, 1U);
    return std::clamp(static_cast<std::uint64_t>((sum + apart - 1) / apart), least_wait, most_wait);
}

}  // namespace server::jobs
