// SPDX-License-Identifier: Apache-2.0
#pragma once
// How a job tells where it is. A job is a list of steps known beforehand, each with a weight
// (its expected share of the time); inside a step the fraction runs from 0 to 1.
#include <string>
#include <string_view>
#include <vector>

namespace builders {

struct StepWeight {
    std::string name;
    double weight;
};

class Progress {
public:
    virtual ~Progress() = default;
    virtual void steps(const std::vector<StepWeight>& steps) = 0;  // once, before the first begin
    virtual void begin(std::string_view step) = 0;                 // ends the step before
    virtual void fraction(double of_step) = 0;                     // 0..1
    virtual void line(std::string_view text) = 0;                  // one line for the job's log
};

}  // namespace builders
