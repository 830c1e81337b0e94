// SPDX-License-Identifier: Apache-2.0
#pragma once
// When a full queue may have room again: a place becomes free whenever a running job ends and the next one is begun,
// and jobs end, on average, one run's length divided by how many run at once apart.
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace server::jobs {

inline constexpr std::size_t runs_to_judge_by = 20;
inline constexpr std::uint64_t least_wait = 1, most_wait = 3600, unknown_wait = 60;  // seconds

// `runs`: started and finished, RFC 3339, of jobs that ended lately. Without any, unknown_wait.
std::uint64_t seconds_until_room(const std::vector<std::pair<std::string, std::string>>& runs, unsigned parallel_jobs);

}  // namespace server::jobs
