// SPDX-License-Identifier: Apache-2.0
#pragma once
// How a worker tells where it is: JSON lines on standard output (run_job.hpp), the log on standard error. What images
// call themselves may be any bytes: what is told is UTF-8. Thread-safe.
#include <boost/json.hpp>
#include <cmath>
#include <iostream>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "builders/job/progress.hpp"
#include "formats/base/text.hpp"

namespace worker {

class LineProgress : public builders::Progress {
public:
    void steps(const std::vector<builders::StepWeight>& steps) override {
        boost::json::array list;
        for (const auto& step : steps) list.push_back({{"name", step.name}, {"weight", step.weight}});
        say({{"steps", list}});
    }
    void begin(std::string_view step) override {
        log("=== " + std::string(step));
        say({{"step", boost::json::string_view(step.data(), step.size())}});
    }
    void fraction(double of_step) override {
        const std::lock_guard lock(mutex_);
        if (of_step < 1 && std::abs(of_step - last_) < 0.002) return;
        last_ = of_step;
        std::cout << boost::json::serialize(boost::json::object{{"fraction", of_step}}) << std::endl;
    }
    void line(std::string_view text) override {
        log(text);
        say({{"log", formats::valid_utf8(text)}});
    }
    void error(const std::string& sentence) {
        log("ERROR: " + sentence);
        say({{"error", formats::valid_utf8(sentence)}});
    }

private:
    void say(const boost::json::object& object) {
        const std::lock_guard lock(mutex_);
        std::cout << boost::json::serialize(object) << std::endl;
    }
    void log(std::string_view text) {
        const std::lock_guard lock(mutex_);
        std::cerr << text << std::endl;
    }
    std::mutex mutex_;
    double last_ = -1;
};

}  // namespace worker
