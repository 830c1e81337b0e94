// SPDX-License-Identifier: Apache-2.0
#pragma once
// Two wrappers of a ByteSource: one that reads ahead on a thread of its own, so that unpacking and what is
// done with the bytes go on side by side, and one whose first bytes can be looked at before they are read.
#include <memory>
#include <vector>

#include "formats/stream/byte_sink.hpp"

namespace formats {

class AheadSource : public ByteSource {
public:
    explicit AheadSource(ByteSource& from);  // 4 MiB ahead. REQUIRES: it outlives this
    ~AheadSource() override;
    std::size_t read(std::span<std::byte> out) override;  // throws what reading ahead has thrown

private:
    struct Worker;
    std::unique_ptr<Worker> worker_;
    std::vector<std::byte> current_;
    std::size_t taken_ = 0;  // of current_
};

class PeekedSource : public ByteSource {
public:
    PeekedSource(ByteSource& from, std::size_t count);  // reads so many, or all there are
    std::span<const std::byte> first() const { return first_; }
    std::size_t read(std::span<std::byte> out) override;

private:
    ByteSource& from_;
    std::vector<std::byte> first_;
    std::size_t taken_ = 0;  // of first_
};

}  // namespace formats
