// SPDX-License-Identifier: Apache-2.0
#include "worker/last_lines.hpp"

#include <algorithm>
#include <deque>
#include <fstream>

namespace worker {

constexpr std::streamoff most_bytes = std::streamoff{256} << 10;

std::vector<std::string> last_lines(const std::filesystem::path& file, std::size_t count) {
    std::ifstream in(file, std::ios::binary | std::ios::ate);
    if (!in) return {};
    const std::streamoff begin = std::max<std::streamoff>(0, std::streamoff(in.tellg()) - most_bytes);
    in.seekg(begin);
    std::deque<std::string> lines;
    std::string line;
    if (begin > 0) std::getline(in, line);  // only a part of it
    while (std::getline(in, line)) {
        lines.push_back(line);
        if (lines.size() > count) lines.pop_front();
    }
    return {lines.begin(), lines.end()};
}

}  // namespace worker
