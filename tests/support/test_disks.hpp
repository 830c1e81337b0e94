// SPDX-License-Identifier: Apache-2.0
#pragma once
// The disks every format is tested with, and the calls on them that tests share.
#include <cstring>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/memory.hpp"

namespace support {

constexpr std::uint64_t mib = 1 << 20;

struct TestDisk {
    const char* name;
    std::uint64_t size;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> data;  // offset, length

    MemoryDisk make(unsigned seed = 7) const {
        MemoryDisk disk(size);
        for (const auto& [offset, length] : data) disk.fill(offset, length, seed);
        return disk;
    }
};
inline void PrintTo(const TestDisk& disk, std::ostream* out) {
    *out << disk.name;
}
inline const std::vector<TestDisk>& test_disks() {
    static const std::vector<TestDisk> disks{
        {"holes", 8 * mib, {}},
        {"full", 3 * mib, {{0, 3 * mib}}},
        {"one_sector", 5 * mib, {{2 * mib + 512, 512}}},
        {"odd_size", 5 * mib + 1536, {{mib, 100}, {5 * mib, 1536}}},
        {"tiny", 512, {{0, 512}}},
        {"gaps", 64 * mib, {{9 * mib, 1}, {40 * mib - 1, 2}, {64 * mib - 512, 512}}},
        {"over_512_mib", 1100 * mib, {{0, 70'000}, {536 * mib, 200'000}, {1099 * mib, mib}}},
        {"of_2040_gib", std::uint64_t{2040} << 30, {{mib, 4096}, {(std::uint64_t{2040} << 30) - 512, 512}}},
    };
    return disks;
}

// Bytes as a file: a disk in memory with all of it allocated.
class MemoryFile : public formats::BlockSource {
public:
    explicit MemoryFile(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}
    std::uint64_t virtual_size() const override { return bytes_.size(); }
    formats::Extent extent_at(std::uint64_t offset) override { return {offset, bytes_.size() - offset, true}; }
    void read_at(std::uint64_t offset, std::span<std::byte> out) override {
        if (offset > bytes_.size() || out.size() > bytes_.size() - offset) throw std::logic_error("read past the end");
        if (!out.empty()) std::memcpy(out.data(), bytes_.data() + offset, out.size());
    }

private:
    std::vector<std::byte> bytes_;
};

// A sink that keeps what is written sparsely, and is a file afterwards: images of huge disks fit.
class SparseFile : public formats::ByteSink, public formats::BlockSource {
public:
    void write(std::span<const std::byte> bytes) override {
        while (!bytes.empty()) {
            const std::uint64_t in_page = size_ % page;
            const auto part = bytes.first(std::min<std::uint64_t>(bytes.size(), page - in_page));
            auto& stored = pages_[size_ / page];
            stored.resize(page);
            std::copy(part.begin(), part.end(), stored.begin() + static_cast<std::ptrdiff_t>(in_page));
            size_ += part.size();
            bytes = bytes.subspan(part.size());
        }
    }
    void write_zeroes(std::uint64_t count) override { size_ += count; }
    void finish() override {}
    std::uint64_t virtual_size() const override { return size_; }
    formats::Extent extent_at(std::uint64_t offset) override {
        const auto next = pages_.lower_bound(offset / page);
        if (next != pages_.end() && next->first == offset / page)
            return {offset, std::min(size_, (offset / page + 1) * page) - offset, true};
        return {offset, (next == pages_.end() ? size_ : next->first * page) - offset, false};
    }
    void read_at(std::uint64_t offset, std::span<std::byte> out) override {
        if (offset > size_ || out.size() > size_ - offset) throw std::logic_error("read past the end");
        for (std::size_t done = 0; done < out.size();) {
            const std::uint64_t at = offset + done, in_page = at % page;
            const std::size_t count = std::min<std::uint64_t>(out.size() - done, page - in_page);
            const auto stored = pages_.find(at / page);
            if (stored == pages_.end())
                std::memset(out.data() + done, 0, count);
            else
                std::memcpy(out.data() + done, stored->second.data() + in_page, count);
            done += count;
        }
    }

private:
    static constexpr std::uint64_t page = 4096;
    std::map<std::uint64_t, std::vector<std::byte>> pages_;
    std::uint64_t size_ = 0;
};

// Empty when `found` holds what `wanted` holds, with zeroes behind its end; else where they differ.
// Reads only what one of them has allocated.
inline std::string difference(formats::BlockSource& wanted, formats::BlockSource& found) {
    if (found.virtual_size() < wanted.virtual_size())
        return "the disk has " + std::to_string(found.virtual_size()) + " bytes, wanted are " +
               std::to_string(wanted.virtual_size());
    std::vector<std::byte> a, b;
    for (std::uint64_t offset = 0; offset < found.virtual_size();) {
        const formats::Extent there = found.extent_at(offset);
        if (there.offset != offset || there.length == 0 || there.length > found.virtual_size() - offset)
            return "a wrong extent at byte " + std::to_string(offset);
        std::uint64_t length = there.length;
        bool data = there.allocated;
        if (offset < wanted.virtual_size()) {
            const formats::Extent extent = wanted.extent_at(offset);
            length = std::min(length, extent.length);
            data = data || extent.allocated;
        }
        if (data) {
            length = std::min<std::uint64_t>(length, 77'777);
            a.assign(length, std::byte{0});
            b.assign(length, std::byte{1});
            if (offset < wanted.virtual_size()) wanted.read_at(offset, a);
            found.read_at(offset, b);
            if (std::memcmp(a.data(), b.data(), length) != 0)  // gigabytes, unoptimized: no loop over bytes of ours
                return "different at byte " +
                       std::to_string(offset + static_cast<std::uint64_t>(std::ranges::mismatch(a, b).in1 - a.begin()));
        }
        offset += length;
    }
    return "";
}

}  // namespace support
