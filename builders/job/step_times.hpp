// SPDX-License-Identifier: Apache-2.0
#pragma once
// How long each step of a job took, for its report; what begins a step here begins it in the Progress too.
#include <boost/json.hpp>
#include <chrono>
#include <cmath>

#include "builders/job/progress.hpp"

namespace builders {

class StepTimes {
public:
    explicit StepTimes(Progress& progress) : progress_(progress) {}

    void begin(const char* step) {  // ends the step before
        end();
        step_ = step;
        started_ = Clock::now();
        progress_.begin(step);
    }
    void end() {
        if (!step_) return;
        const double seconds = std::chrono::duration<double>(Clock::now() - started_).count();
        done_.push_back({{"name", step_}, {"seconds", std::round(seconds * 10) / 10}});
        step_ = nullptr;
    }
    const boost::json::array& done() const { return done_; }  // [{"name", "seconds" to a tenth}]

private:
    using Clock = std::chrono::steady_clock;

    Progress& progress_;
    const char* step_ = nullptr;
    Clock::time_point started_;
    boost::json::array done_;
};

}  // namespace builders
