// SPDX-License-Identifier: Apache-2.0
#pragma once
// A line on the terminal: how much of a size has gone by, at what rate, and how long it will take.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>

namespace cli {

class ProgressLine {
public:
    explicit ProgressLine(bool shown) : shown_(shown) {}
    ~ProgressLine() { clear(); }
    ProgressLine(const ProgressLine&) = delete;

    // The rate is that of `moved`: holes, and what was here before, are done without being moved.
    void show(std::uint64_t done, std::optional<std::uint64_t> total, std::uint64_t moved) {
        if (!shown_) return;
        if (!begun_) first_ = done;
        begun_ = true;
        const auto now = std::chrono::steady_clock::now();
        if (printed_ && now - last_ < std::chrono::milliseconds(200)) return;
        last_ = now;
        printed_ = true;
        const double seconds = std::max(0.001, std::chrono::duration<double>(now - start_).count());
        const double rate = static_cast<double>(moved) / 1e6 / seconds;
        if (!total) {
            std::fprintf(stderr, "\r\033[K%.0f MB  %.0f MB/s", static_cast<double>(done) / 1e6, rate);
            return;
        }
        const double part = *total ? static_cast<double>(done) / static_cast<double>(*total) : 1;
        const auto since = static_cast<double>(done - std::min(done, first_));
        const auto left = static_cast<double>(*total - std::min(*total, done));
        std::fprintf(stderr, "\r\033[K%5.1f %%  %.0f MB/s  %.0f s left", 100 * part, rate,
                     since > 0 ? seconds / since * left : 0.0);
    }
    void clear() {
        if (printed_) std::fprintf(stderr, "\r\033[K");
        printed_ = false;
    }

private:
    bool shown_, printed_ = false, begun_ = false;
    std::uint64_t first_ = 0;  // what was done when it began
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now(), last_ = start_;
};

}  // namespace cli
