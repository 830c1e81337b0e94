// SPDX-License-Identifier: Apache-2.0
// Any bytes as an OVF description.
#include "formats/base/errors.hpp"
#include "formats/ova/ova.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    try {
        formats::ova::read_ovf({reinterpret_cast<const char*>(data), size});
    } catch (const formats::CorruptImage&) {
    } catch (const formats::RefusedImage&) {
    }
    return 0;
}
