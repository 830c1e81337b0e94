// SPDX-License-Identifier: Apache-2.0
// Any bytes as a VHD: opened and read to the end, or refused with one of the floor's own errors. The checksums
// are made right first, or no change behind them would ever be seen.
#include <cstring>

#include "formats/vhd/vhd.hpp"
#include "formats/vhd/vhd_structs.hpp"
#include "tests/fuzz/read_disk.hpp"

namespace {

template <class Structure>
void seal(std::vector<unsigned char>& bytes, std::size_t offset) {
    if (bytes.size() < offset + sizeof(Structure)) return;
    Structure structure;
    std::memcpy(&structure, bytes.data() + offset, sizeof structure);
    structure.checksum = formats::vhd::own_checksum(structure);
    std::memcpy(bytes.data() + offset, &structure, sizeof structure);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    std::vector<unsigned char> bytes(data, data + size);
    seal<formats::vhd::Footer>(bytes, 0);
    seal<formats::vhd::DynamicHeader>(bytes, 512);
    if (size > 512) seal<formats::vhd::Footer>(bytes, size - 512);
    return fuzz::read_image(bytes.data(), size, [](auto file) { return formats::vhd::open_vhd(std::move(file)); });
}
