// SPDX-License-Identifier: Apache-2.0
#pragma once
// A table of big-endian entries, written a cluster at a time and padded to a whole one. Inside the room only.
#include <cstdint>
#include <span>
#include <vector>

#include "formats/stream/byte_sink.hpp"

namespace formats::qcow2 {

template <class Entry, std::uint64_t cluster_size>
class TableWriter {
public:
    explicit TableWriter(ByteSink& sink) : sink_(sink) { entries_.reserve(capacity); }
    void append(std::uint64_t value) {
        entries_.push_back(static_cast<typename Entry::value_type>(value));
        if (entries_.size() == capacity) flush();
    }
    void flush() {
        if (entries_.empty()) return;
        entries_.resize(capacity);
        sink_.write(std::as_bytes(std::span(entries_)));
        entries_.clear();
    }

private:
    static constexpr std::size_t capacity = cluster_size / sizeof(Entry);
    ByteSink& sink_;
    std::vector<Entry> entries_;
};

}  // namespace formats::qcow2
