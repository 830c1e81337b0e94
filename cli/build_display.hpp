// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a worker says, shown to whoever waits for it: one line that moves on a terminal, one line a step elsewhere.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cli {

class BuildDisplay {
public:
    void line(std::string_view text);  // one JSON line of the worker; anything else is passed over
    void end() const;                  // clears the moving line

    const std::string& error() const { return error_; }  // the worker's own last sentence, or nothing
    const std::string& step() const { return name_; }    // the step it is in

private:
    void show(double part, bool step) const;

    bool terminal_ = is_terminal();
    std::vector<std::pair<std::string, double>> weights_;
    double total_ = 0, done_ = 0, weight_ = 0;
    std::string name_, error_;

    static bool is_terminal();
};

}  // namespace cli
