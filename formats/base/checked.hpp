// SPDX-License-Identifier: Apache-2.0
#pragma once
// Arithmetic and places that come from a file are checked before they are used: a sum that would
// wrap and a range that leaves the file are CorruptImage, with the name of the field.
#include <cstdint>
#include <string>

#include "formats/base/errors.hpp"

namespace formats {

inline std::uint64_t checked_add(std::uint64_t a, std::uint64_t b, const std::string& what) {
    std::uint64_t sum = 0;
    if (__builtin_add_overflow(a, b, &sum)) throw CorruptImage(what + " overflows 64 bits");
    return sum;
}
inline std::uint64_t checked_multiply(std::uint64_t a, std::uint64_t b, const std::string& what) {
    std::uint64_t product = 0;
    if (__builtin_mul_overflow(a, b, &product)) throw CorruptImage(what + " overflows 64 bits");
    return product;
}

// The range lies in a file of `file_size` bytes.
inline void check_range(std::uint64_t offset, std::uint64_t length, std::uint64_t file_size, const std::string& what) {
    if (offset > file_size || length > file_size - offset)
        throw CorruptImage(what + " of " + std::to_string(length) + " bytes at byte " + std::to_string(offset) +
                           " leaves the file, which has " + std::to_string(file_size));
}

constexpr bool is_power_of_two(std::uint64_t value) {
    return value && !(value & (value - 1));
}

// REQUIRES: unit > 0.
constexpr std::uint64_t divide_up(std::uint64_t value, std::uint64_t unit) {
    return value / unit + (value % unit != 0);
}
// REQUIRES: unit > 0, and the result fits.
constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
    return divide_up(value, unit) * unit;
}

}  // namespace formats
