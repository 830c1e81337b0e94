// SPDX-License-Identifier: Apache-2.0
#include "formats/disk/disk_digest.hpp"

#include <algorithm>
#include <array>
#include <future>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "formats/disk/views.hpp"
#include "formats/disk/zeroes.hpp"
#include "formats/stream/digest.hpp"

namespace formats {
namespace {

constexpr std::uint64_t leaf_size = std::uint64_t{1} << 20;
using Node = std::array<std::byte, 32>;

Node digest_of(Digest& digest, std::byte tag, std::span<const std::byte> first,
               std::span<const std::byte> second = {}) {
    digest.update(std::span(&tag, 1));
    digest.update(first);
    digest.update(second);
    const std::vector<std::byte> bytes = digest.finish();
    Node node;
    std::copy(bytes.begin(), bytes.end(), node.begin());
    return node;
}

// Leaves come in order; equal subtrees are joined as soon as both are there, so that only one node per
// level is kept.
class Tree {
public:
    Tree() {
        const std::vector<std::byte> zeroes(leaf_size);
        zero_[0] = digest_of(digest_, std::byte{0}, zeroes);
        for (std::size_t i = 1; i < zero_.size(); ++i) zero_[i] = join(zero_[i - 1], zero_[i - 1]);
    }
    const Node& zero_leaf() const { return zero_[0]; }

    void add(std::uint64_t leaf, const Node& node) {
        pad_to(leaf);
        push(0, node);
    }

    Node root() {
        if (count_ == 0) return zero_[0];
        unsigned height = 0;
        while (std::uint64_t{1} << height < count_) ++height;
        pad_to(std::uint64_t{1} << height);
        return stack_.back().second;
    }

private:
    Node join(const Node& left, const Node& right) { return digest_of(digest_, std::byte{1}, left, right); }

    void push(unsigned level, Node node) {
        count_ += std::uint64_t{1} << level;
        while (!stack_.empty() && stack_.back().first == level) {
            node = join(stack_.back().second, node);
            stack_.pop_back();
            ++level;
        }
        stack_.emplace_back(level, node);
    }

    // Zero leaves up to number `leaf`, as the largest subtrees that fit.
    void pad_to(std::uint64_t leaf) {
        while (count_ < leaf) {
            unsigned level = 0;
            while (level + 1 < zero_.size() && count_ % (std::uint64_t{2} << level) == 0 &&
                   count_ + (std::uint64_t{2} << level) <= leaf)
                ++level;
            push(level, zero_[level]);
        }
    }

    Digest digest_{DigestKind::sha256};
    std::array<Node, 45> zero_;
    std::vector<std::pair<unsigned, Node>> stack_;  // level, node
    std::uint64_t count_ = 0;                       // leaves so far
};

}  // namespace

std::string disk_digest(BlockSource& disk, unsigned threads) {
    if (threads == 0) threads = std::clamp(std::thread::hardware_concurrency(), 1U, 8U);
    Tree tree;
    std::vector<std::vector<std::byte>> buffers(2 * threads);
    std::vector<Digest> digests;
    for (std::size_t i = 0; i < buffers.size(); ++i) digests.emplace_back(DigestKind::sha256);
    // Last: a read that throws waits for those that still use the others.
    std::vector<std::pair<std::uint64_t, std::future<Node>>> running;
    std::size_t next = 0;
    const auto take = [&] {
        auto [leaf, node] = std::move(running.front());
        running.erase(running.begin());
        if (const Node digest = node.get(); digest != tree.zero_leaf()) tree.add(leaf, digest);
    };
    for (const UnitRun& run : allocated_units(disk, leaf_size)) {
        for (std::uint64_t leaf = run.first; leaf < run.first + run.count; ++leaf) {
            if (running.size() == buffers.size()) take();
            std::vector<std::byte>& buffer = buffers[next];
            buffer.resize(leaf_size);
            read_padded(disk, leaf * leaf_size, buffer);
            running.emplace_back(leaf, std::async(std::launch::async, [&buffer, &digest = digests[next]] {
                                     return digest_of(digest, std::byte{0}, buffer);
                                 }));
            next = (next + 1) % buffers.size();
        }
    }
    while (!running.empty()) take();
    return to_hex(tree.root());
}

}  // namespace formats
