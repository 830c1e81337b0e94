// SPDX-License-Identifier: Apache-2.0
// FIPS 180-4, 6.1. What is a word there is a vector of eight messages' words here.
#include "formats/stream/sha1_lanes.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <cstring>
#include <utility>

#include "formats/base/endian.hpp"
#include "formats/stream/digest.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace formats {
namespace {

#if defined(__x86_64__)

using Lanes = std::uint32_t __attribute__((vector_size(4 * sha1_lanes)));
constexpr std::size_t block = 64, fewest = 3;  // from this many messages on lanes are faster than one after the other
using Places = std::array<const std::byte*, sha1_lanes>;

bool lanes_are_faster() {
    static const bool faster = [] {
        unsigned a = 0, b = 0, c = 0, d = 0;
        const bool sha_instructions = __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_SHA) != 0;
        return !sha_instructions && __builtin_cpu_supports("avx2");
    }();
    return faster;
}

template <int bits>
[[gnu::always_inline, gnu::target("avx2")]] inline Lanes rotated(const Lanes& x) {
    return x << bits | x >> (32 - bits);
}

template <std::size_t i>
[[gnu::always_inline, gnu::target("avx2")]] inline void one_round(std::array<Lanes, 16>& words, const Lanes& a,
                                                                  Lanes& b, const Lanes& c, const Lanes& d, Lanes& e) {
    Lanes& word = words[i % 16];
    if constexpr (i >= 16) word = rotated<1>(words[(i + 13) % 16] ^ words[(i + 8) % 16] ^ words[(i + 2) % 16] ^ word);
    constexpr std::array<std::uint32_t, 4> constants{0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    if constexpr (i < 20)
        e += d ^ (b & (c ^ d));
    else if constexpr (i < 40 || i >= 60)
        e += b ^ c ^ d;
    else
        e += (b & c) | (d & (b | c));
    e += rotated<5>(a) + (word + constants[i / 20]);
    b = rotated<30>(b);
}

// Brings each variable back to its place.
template <std::size_t i>
[[gnu::always_inline, gnu::target("avx2")]] inline void five_rounds(std::array<Lanes, 16>& words, Lanes& a, Lanes& b,
                                                                    Lanes& c, Lanes& d, Lanes& e) {
    one_round<i>(words, a, b, c, d, e);
    one_round<i + 1>(words, e, a, b, c, d);
    one_round<i + 2>(words, d, e, a, b, c);
    one_round<i + 3>(words, c, d, e, a, b);
    one_round<i + 4>(words, b, c, d, e, a);
}

template <std::size_t... fives>
[[gnu::always_inline, gnu::target("avx2")]] inline void all_rounds(std::index_sequence<fives...>,
                                                                   std::array<Lanes, 16>& words, Lanes& a, Lanes& b,
                                                                   Lanes& c, Lanes& d, Lanes& e) {
    (five_rounds<5 * fives>(words, a, b, c, d, e), ...);
}

[[gnu::target("avx2")]] void take_block(std::array<Lanes, 5>& state, const Places& places) {
    std::array<Lanes, 16> words;
    alignas(Lanes) std::array<std::array<std::uint32_t, sha1_lanes>, 16> read;
    for (std::size_t lane = 0; lane < sha1_lanes; ++lane)
        for (std::size_t i = 0; i < 16; ++i) {
            std::uint32_t word = 0;
            std::memcpy(&word, places[lane] + 4 * i, 4);
            read[i][lane] = __builtin_bswap32(word);
        }
    std::memcpy(words.data(), read.data(), sizeof words);
    Lanes a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    all_rounds(std::make_index_sequence<80 / 5>(), words, a, b, c, d, e);
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

// The last bytes of a message with a one, zeroes and its length in bits behind them: one block or two.
struct Tail {
    std::array<std::byte, 2 * block> bytes{};
    std::size_t blocks;

    explicit Tail(std::span<const std::byte> message) : blocks(message.size() % block < block - 8 ? 1 : 2) {
        const auto rest = message.last(message.size() % block);
        std::ranges::copy(rest, bytes.begin());
        bytes[rest.size()] = std::byte{0x80};
        const be64 bits = message.size() * 8;
        std::ranges::copy(bytes_of(bits), bytes.begin() + static_cast<std::ptrdiff_t>(blocks * block - sizeof bits));
    }
};

[[gnu::target("avx2")]] void digest_lanes(const std::array<std::span<const std::byte>, sha1_lanes>& messages,
                                          std::vector<std::string>& digests, std::size_t wanted) {
    std::array<Lanes, 5> state;
    constexpr std::array<std::uint32_t, 5> initial{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    for (std::size_t i = 0; i < state.size(); ++i) state[i] = Lanes{} + initial[i];
    Places places;
    const std::size_t whole = messages[0].size() / block * block;
    for (std::size_t at = 0; at < whole; at += block) {
        for (std::size_t lane = 0; lane < sha1_lanes; ++lane) places[lane] = messages[lane].data() + at;
        take_block(state, places);
    }
    std::vector<Tail> tails(messages.begin(), messages.end());
    for (std::size_t i = 0; i < tails[0].blocks; ++i) {
        for (std::size_t lane = 0; lane < sha1_lanes; ++lane) places[lane] = tails[lane].bytes.data() + i * block;
        take_block(state, places);
    }
    for (std::size_t lane = 0; lane < wanted; ++lane) {
        std::array<be32, 5> digest;
        for (std::size_t i = 0; i < digest.size(); ++i) digest[i] = state[i][lane];
        digests.push_back(to_hex(std::as_bytes(std::span(digest))));
    }
}

#endif

}  // namespace

std::vector<std::string> sha1_of_each(std::span<const std::span<const std::byte>> messages) {
    std::vector<std::string> digests;
#if defined(__x86_64__)
    while (lanes_are_faster() && messages.size() >= fewest) {
        std::array<std::span<const std::byte>, sha1_lanes> group;
        const std::size_t count = std::min(messages.size(), sha1_lanes);
        for (std::size_t lane = 0; lane < sha1_lanes; ++lane) {
            group[lane] = messages[lane < count ? lane : 0];  // an empty lane does what another does
            assert(group[lane].size() == group[0].size());
        }
        digest_lanes(group, digests, count);
        messages = messages.subspan(count);
    }
#endif
    for (const auto& message : messages) digests.push_back(digest_hex(DigestKind::sha1, message));
    return digests;
}

}  // namespace formats
