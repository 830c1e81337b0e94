// SPDX-License-Identifier: Apache-2.0
// Any bytes as an XVA, packed or not: read, or refused with one of the floor's own errors.
#include "formats/base/errors.hpp"
#include "formats/stream/compress.hpp"
#include "formats/xva/xva_reader.hpp"
#include "tests/support/memory.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const auto bytes = std::as_bytes(std::span(data, size));
    support::MemorySource file({bytes.begin(), bytes.end()});
    try {
        const auto plain = make_decompressor(formats::detect_compression(bytes), file, 1 << 24);
        formats::xva::read_xva(*plain);
    } catch (const formats::CorruptImage&) {
    } catch (const formats::RefusedImage&) {
    }
    return 0;
}
