// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a reader found out about an image besides its disk: lines for `xenkiln inspect`. Features are
// facts ("cluster size", "65536 bytes"); warnings are what the user should know before relying on it.
#include <string>
#include <utility>
#include <vector>

namespace formats {

struct Facts {
    std::vector<std::pair<std::string, std::string>> features;
    std::vector<std::string> warnings;

    void feature(std::string name, std::string value) { features.emplace_back(std::move(name), std::move(value)); }
};

}  // namespace formats
