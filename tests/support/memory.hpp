// SPDX-License-Identifier: Apache-2.0
#pragma once
// Fakes at the seams of the two planes.
#include <algorithm>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "formats/base/block_source.hpp"
#include "formats/stream/byte_sink.hpp"

namespace support {

// A sparse disk in memory: extents of `grain` bytes, allocated where something was written.
class MemoryDisk : public formats::BlockSource {
public:
    explicit MemoryDisk(std::uint64_t size, std::uint64_t grain = 4096) : size_(size), grain_(grain) {}

    void fill(std::uint64_t offset, std::uint64_t length, unsigned seed) {
        for (std::uint64_t i = offset; i < offset + length;) {
            auto& block = blocks_[i / grain_];
            block.resize(grain_);
            const std::uint64_t end = std::min(offset + length, (i / grain_ + 1) * grain_);
            for (; i < end; ++i)
                block[i % grain_] = static_cast<std::byte>((i * 2654435761U + seed) >> 13 | (seed != 0));
        }
    }
    std::uint64_t virtual_size() const override { return size_; }
    formats::Extent extent_at(std::uint64_t offset) override {
        const std::uint64_t block = offset / grain_;
        const bool allocated = blocks_.contains(block);
        std::uint64_t end = block + 1;
        if (allocated) {
            while (blocks_.contains(end)) ++end;
        } else {
            const auto next = blocks_.lower_bound(block);
            end = next == blocks_.end() ? size_ / grain_ + 1 : next->first;
        }
        return {offset, std::min(end * grain_, size_) - offset, allocated};
    }
    void read_at(std::uint64_t offset, std::span<std::byte> out) override {
        if (offset + out.size() > size_) throw std::logic_error("read past the end");
        for (std::size_t done = 0; done < out.size();) {
            const std::uint64_t at = offset + done, inside = at % grain_;
            const std::size_t count = std::min<std::uint64_t>(out.size() - done, grain_ - inside);
            const auto block = blocks_.find(at / grain_);
            if (block == blocks_.end())
                std::memset(out.data() + done, 0, count);
            else
                std::memcpy(out.data() + done, block->second.data() + inside, count);
            done += count;
        }
    }

private:
    std::uint64_t size_, grain_;
    std::map<std::uint64_t, std::vector<std::byte>> blocks_;
};

class MemorySink : public formats::ByteSink {
public:
    void write(std::span<const std::byte> more) override { bytes.insert(bytes.end(), more.begin(), more.end()); }
    void finish() override { ++finished; }
    std::vector<std::byte> bytes;
    int finished = 0;
};

// Takes `allowed` bytes, then fails as a full disk does.
class FailingSink : public formats::ByteSink {
public:
    explicit FailingSink(std::uint64_t allowed) : left_(allowed) {}
    void write(std::span<const std::byte> bytes) override {
        if (bytes.size() > left_) throw std::runtime_error("No space left on device");
        left_ -= bytes.size();
    }
    void finish() override { throw std::runtime_error("finish() after a failed write"); }

private:
    std::uint64_t left_;
};

// Bytes from memory, at most `step` at a time.
class MemorySource : public formats::ByteSource {
public:
    explicit MemorySource(std::vector<std::byte> bytes, std::size_t step = SIZE_MAX)
        : bytes_(std::move(bytes)), step_(step) {}
    std::size_t read(std::span<std::byte> out) override {
        const std::size_t count = std::min({out.size(), step_, bytes_.size() - at_});
        if (count > 0) std::memcpy(out.data(), bytes_.data() + at_, count);
        at_ += count;
        return count;
    }

private:
    std::vector<std::byte> bytes_;
    std::size_t step_, at_ = 0;
};

inline std::vector<std::byte> bytes_of(const std::string& text) {
    const auto* data = reinterpret_cast<const std::byte*>(text.data());
    return {data, data + text.size()};
}

inline std::vector<std::byte> all_of(formats::BlockSource& disk) {
    std::vector<std::byte> bytes(disk.virtual_size());
    disk.read_at(0, bytes);
    return bytes;
}

inline std::vector<std::byte> all_of(formats::ByteSource& source) {
    std::vector<std::byte> bytes, buffer(64 * 1024);
    while (const std::size_t got = source.read(buffer))
        bytes.insert(bytes.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(got));
    return bytes;
}

}  // namespace support
