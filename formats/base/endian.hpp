// SPDX-License-Identifier: Apache-2.0
#pragma once
// Integers as they lie in a file: a struct of these has the layout its specification draws, no
// padding, no alignment, and converts to a plain integer when it is used.
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

namespace formats {

template <std::unsigned_integral T, bool big>
class OrderedInteger {
public:
    using value_type = T;
    OrderedInteger() = default;
    OrderedInteger(T value) {  // NOLINT: the conversion is what the type is for
        for (std::size_t i = 0; i < sizeof(T); ++i)
            bytes_[big ? sizeof(T) - 1 - i : i] = static_cast<unsigned char>(value >> (8 * i));
    }
    operator T() const {
        T value = 0;
        for (std::size_t i = 0; i < sizeof(T); ++i)
            value |= static_cast<T>(static_cast<T>(bytes_[big ? sizeof(T) - 1 - i : i]) << (8 * i));
        return value;
    }

private:
    std::array<unsigned char, sizeof(T)> bytes_{};
};

using be16 = OrderedInteger<std::uint16_t, true>;
using be32 = OrderedInteger<std::uint32_t, true>;
using be64 = OrderedInteger<std::uint64_t, true>;
using le16 = OrderedInteger<std::uint16_t, false>;
using le32 = OrderedInteger<std::uint32_t, false>;
using le64 = OrderedInteger<std::uint64_t, false>;

// The bytes of a header struct, for reading into and writing from.
template <class T>
std::span<const std::byte> bytes_of(const T& header) {
    static_assert(std::is_trivially_copyable_v<T>);
    return std::as_bytes(std::span(&header, 1));
}
template <class T>
std::span<std::byte> writable_bytes_of(T& header) {
    static_assert(std::is_trivially_copyable_v<T>);
    return std::as_writable_bytes(std::span(&header, 1));
}

}  // namespace formats
