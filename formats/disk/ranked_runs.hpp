// SPDX-License-Identifier: Apache-2.0
#pragma once
// Runs of units that hold data, with their ranks: writers put the units one after another, so the rank
// of a unit says its place in the file, and the place its unit.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "formats/disk/views.hpp"

namespace formats {

class RankedRuns {
public:
    explicit RankedRuns(const std::vector<UnitRun>& runs) : runs_(runs) {  // REQUIRES: it outlives this
        ranks_.reserve(runs.size());
        for (const UnitRun& run : runs) {
            ranks_.push_back(count_);
            count_ += run.count;
        }
    }
    std::uint64_t count() const { return count_; }

    // The unit of that rank, and how many follow it without a gap, itself included. REQUIRES: rank < count().
    UnitRun unit_at(std::uint64_t rank) const {
        const auto i = static_cast<std::size_t>(std::ranges::upper_bound(ranks_, rank) - ranks_.begin() - 1);
        return {runs_[i].first + (rank - ranks_[i]), runs_[i].count - (rank - ranks_[i])};
    }

    // Goes over units in rising order, as tables list them.
    class Walk {
    public:
        Walk(const RankedRuns& ranked, std::uint64_t first)
            : ranked_(ranked),
              run_(static_cast<std::size_t>(std::ranges::lower_bound(ranked.runs_, first, {}, last) -
                                            ranked.runs_.begin())) {}
        bool has(std::uint64_t unit) {
            while (run_ < ranked_.runs_.size() && unit > last(ranked_.runs_[run_])) ++run_;
            return run_ < ranked_.runs_.size() && unit >= ranked_.runs_[run_].first;
        }
        // REQUIRES: has(unit) was asked last, and was true.
        std::uint64_t rank(std::uint64_t unit) const {
            return ranked_.ranks_[run_] + (unit - ranked_.runs_[run_].first);
        }

    private:
        const RankedRuns& ranked_;
        std::size_t run_;  // the first that may hold the next unit
    };

private:
    static std::uint64_t last(const UnitRun& run) { return run.first + run.count - 1; }

    const std::vector<UnitRun>& runs_;
    std::vector<std::uint64_t> ranks_;  // of each run's first unit
    std::uint64_t count_ = 0;
};

}  // namespace formats
