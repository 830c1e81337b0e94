// SPDX-License-Identifier: Apache-2.0
#pragma once
// A digest as text that can be nothing else: as many lower-case hex digits as it has. Whatever is made of one (a path,
// a line of SHA256SUMS, an ETag) is made of digits. There is no empty one.
#include <algorithm>
#include <compare>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace formats {

template <std::size_t Digits>
class HexDigest {
public:
    static std::optional<HexDigest> parse(std::string_view text) {
        const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
        if (text.size() != Digits || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
        return HexDigest(std::string(text));
    }
    // Throws std::runtime_error that names whose digest it was to be.
    static HexDigest of(std::string_view text, const std::string& whose) {
        const std::optional<HexDigest> digest = parse(text);
        if (!digest)
            throw std::runtime_error(whose + " is " + std::to_string(text.size()) + " bytes that are not the " +
                                     std::to_string(Digits) + " lower-case hex digits of a digest");
        return *digest;
    }
    const std::string& hex() const { return hex_; }
    auto operator<=>(const HexDigest&) const = default;

private:
    explicit HexDigest(std::string hex) : hex_(std::move(hex)) {}
    std::string hex_;
};

using Sha256 = HexDigest<64>;
using Md5 = HexDigest<32>;

}  // namespace formats
