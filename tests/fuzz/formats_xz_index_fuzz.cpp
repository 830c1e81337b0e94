// SPDX-License-Identifier: Apache-2.0
// Any bytes as an xz file read through its index.
#include "formats/stream/xz_blocks.hpp"
#include "tests/fuzz/read_disk.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    return fuzz::read_image(data, size, [](auto file) { return formats::open_xz_blocks(std::move(file), 1 << 24); });
}
