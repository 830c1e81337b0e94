// SPDX-License-Identifier: Apache-2.0
#pragma once
// A line on the terminal: how much of a known size has gone by, at what rate, and how long it will take.
#include <chrono>
#include <cstdio>

#include "formats/disk/file_place.hpp"
#include "formats/stream/byte_sink.hpp"

namespace cli {

class ProgressSink : public formats::ByteSink, public formats::TakesCopies {
public:
    ProgressSink(formats::ByteSink& next, std::uint64_t total, bool shown)
        : next_(next), total_(total), shown_(shown) {}
    void write(std::span<const std::byte> bytes) override {
        next_.write(bytes);
        moved_ += bytes.size();
        advance(bytes.size());
    }
    void write_zeroes(std::uint64_t count) override {
        next_.write_zeroes(count);
        advance(count);
    }
    bool copy_from(const formats::FilePlace& place) override {
        auto* const copies = dynamic_cast<formats::TakesCopies*>(&next_);
        if (!copies || !copies->copy_from(place)) return false;
        moved_ += place.length;
        advance(place.length);
        return true;
    }
    void finish() override {
        next_.finish();
        if (shown_ && printed_) std::fprintf(stderr, "\r\033[K");
    }

private:
    void advance(std::uint64_t count) {
        done_ += count;
        if (!shown_) return;
        const auto now = std::chrono::steady_clock::now();
        if (now - last_ < std::chrono::milliseconds(200)) return;
        last_ = now;
        printed_ = true;
        const double seconds = std::chrono::duration<double>(now - start_).count();
        const double part = total_ ? static_cast<double>(done_) / static_cast<double>(total_) : 1;
        std::fprintf(stderr, "\r\033[K%5.1f %%  %.0f MB/s  %.0f s left", 100 * part,
                     static_cast<double>(moved_) / 1e6 / seconds, part > 0 ? seconds / part - seconds : 0.0);
    }

    formats::ByteSink& next_;
    std::uint64_t total_, done_ = 0, moved_ = 0;
    bool shown_, printed_ = false;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now(), last_ = start_;
};

}  // namespace cli
