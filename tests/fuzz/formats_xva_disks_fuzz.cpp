// SPDX-License-Identifier: Apache-2.0
// Any bytes as an XVA whose disks are read at random.
#include "formats/xva/xva_disks.hpp"
#include "tests/fuzz/read_disk.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    return fuzz::read_image(data, size,
                            [](auto file) { return std::move(formats::xva::open_xva(std::move(file)).disks.front()); });
}
