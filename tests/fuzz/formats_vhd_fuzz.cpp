// SPDX-License-Identifier: Apache-2.0
// Any bytes as vhd: opened and read to the end, or refused with one of the floor's own errors.
#include "formats/vhd/vhd.hpp"
#include "tests/fuzz/read_disk.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    return fuzz::read_image(data, size, [](auto file) { return formats::vhd::open_vhd(std::move(file)); });
}
