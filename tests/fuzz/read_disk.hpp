// SPDX-License-Identifier: Apache-2.0
#pragma once
// What every harness of a disk format does: open the bytes, walk the extents, read some of each.
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

#include "formats/base/errors.hpp"
#include "tests/support/test_disks.hpp"

namespace fuzz {

template <class Open>
int read_image(const unsigned char* data, std::size_t size, const Open& open) {
    const auto bytes = std::as_bytes(std::span(data, size));
    try {
        const auto disk = open(std::make_shared<support::MemoryFile>(std::vector(bytes.begin(), bytes.end())));
        if (!disk) return 0;
        std::vector<std::byte> out;
        std::uint64_t offset = 0;
        for (int extents = 0; extents < 64 && offset < disk->virtual_size(); ++extents) {
            const formats::Extent extent = disk->extent_at(offset);
            if (extent.offset != offset || extent.length == 0 || extent.length > disk->virtual_size() - offset)
                std::abort();
            out.resize(std::min<std::uint64_t>(extent.length, 70'000));
            disk->read_at(offset, out);
            disk->read_at(offset + extent.length - out.size(), out);
            offset += extent.length;
        }
    } catch (const formats::CorruptImage&) {
    } catch (const formats::RefusedImage&) {
    }
    return 0;
}

}  // namespace fuzz
