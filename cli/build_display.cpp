// SPDX-License-Identifier: Apache-2.0
#include "cli/build_display.hpp"

#include <unistd.h>

#include <boost/json.hpp>
#include <iostream>

namespace cli {

namespace json = boost::json;

void BuildDisplay::line(std::string_view text) {
    json::error_code wrong;
    const json::value value = json::parse(json::string_view(text.data(), text.size()), wrong);
    const json::object* object = wrong ? nullptr : value.if_object();
    if (!object) return;
    if (const json::value* steps = object->if_contains("steps"))
        for (const json::value& step : steps->as_array()) {
            weights_.emplace_back(json::value_to<std::string>(step.at("name")), step.at("weight").to_number<double>());
            total_ += weights_.back().second;
        }
    if (const json::value* step = object->if_contains("step")) {
        done_ += weight_;
        name_ = json::value_to<std::string>(*step);
        for (const auto& [name, weight] : weights_)
            if (name == name_) weight_ = weight;
        show(0, true);
    }
    if (const json::value* fraction = object->if_contains("fraction")) show(fraction->to_number<double>(), false);
    if (const json::value* error = object->if_contains("error")) error_ = json::value_to<std::string>(*error);
}

void BuildDisplay::end() const {
    if (terminal_) std::cerr << "\r\033[K";
}

void BuildDisplay::show(double part, bool step) const {
    if (!terminal_ && !step) return;
    const int percent = total_ > 0 ? static_cast<int>(100 * (done_ + weight_ * part) / total_) : 0;
    std::cerr << (terminal_ ? "\r\033[K" : "") << percent << " %  " << name_ << (terminal_ ? "" : "\n") << std::flush;
}

bool BuildDisplay::is_terminal() {
    return ::isatty(STDERR_FILENO) == 1;
}

}  // namespace cli
