// SPDX-License-Identifier: Apache-2.0
#pragma once
// The errors of the formats floor. A message names the format, the field and the numbers:
// "vhd: BAT entry 17 points to sector 90112, file has 61440". I/O failures are std::system_error.
#include <stdexcept>

namespace formats {

// The bytes are not what the format's rules allow.
class CorruptImage : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

// The bytes may be fine, but we refuse them on purpose: a backing file, encryption, an unknown
// feature, a format that is not the declared one.
class RefusedImage : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

}  // namespace formats
