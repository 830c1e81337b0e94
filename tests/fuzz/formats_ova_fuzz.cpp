// SPDX-License-Identifier: Apache-2.0
// Any bytes as an OVA: members, OVF and its VMDKs.
#include "formats/ova/ova.hpp"
#include "tests/fuzz/read_disk.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    return fuzz::read_image(data, size,
                            [](auto file) { return std::move(formats::ova::open_ova(std::move(file)).disks.front()); });
}
