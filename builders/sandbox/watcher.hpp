// SPDX-License-Identifier: Apache-2.0
#pragma once
// Keeps the limits of a step. rlimits hold each process; a watcher adds them up and kills
// the step. Both see what a process has now: memory that is written faster than the watcher looks is bounded by
// the rlimit of each process times their number, so the first line is the rlimit.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "builders/plan/limits.hpp"

namespace builders {

// Of a process and all its descendants. Resident memory; shared pages count for each that maps them.
struct Usage {
    std::uint64_t memory = 0;
    unsigned processes = 0;
};
Usage usage_of(int root_pid);

// Looks four times a second, at the tree's size every few seconds; the first limit passed is told once to
// `struck`, as a sentence with both numbers.
class Watcher {
public:
    Watcher(const Limits& limits, int root_pid, std::filesystem::path tree, std::function<void(std::string)> struck);
    ~Watcher();

private:
    void watch(const std::stop_token& stop);
    std::string passed(unsigned round, double seconds) const;

    Limits limits_;
    int root_pid_;
    std::filesystem::path tree_;
    std::function<void(std::string)> struck_;
    std::stop_source stop_;
    std::thread thread_;  // last: it uses the others
};

}  // namespace builders
