// SPDX-License-Identifier: Apache-2.0
#pragma once
// Shows how much of a known size has gone by.
#include "cli/progress_line.hpp"
#include "formats/base/file_place.hpp"
#include "formats/stream/byte_sink.hpp"

namespace cli {

class ProgressSink : public formats::ByteSink, public formats::TakesCopies {
public:
    ProgressSink(formats::ByteSink& next, std::uint64_t total, bool shown) : next_(next), total_(total), line_(shown) {}
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
        line_.clear();
    }

private:
    void advance(std::uint64_t count) {
        done_ += count;
        line_.show(done_, total_, moved_);
    }

    formats::ByteSink& next_;
    std::uint64_t total_, done_ = 0, moved_ = 0;
    ProgressLine line_;
};

}  // namespace cli
