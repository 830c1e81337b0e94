// SPDX-License-Identifier: Apache-2.0
// Any bytes as qcow2: opened and read to the end, or refused with one of the floor's own errors.
#include "formats/qcow2/qcow2.hpp"
#include "tests/fuzz/read_disk.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    return fuzz::read_image(data, size, [](auto file) { return formats::qcow2::open_qcow2(std::move(file)); });
}
