// SPDX-License-Identifier: Apache-2.0
// Any bytes as a kernel image: its notes, or one exception.
#include <stdexcept>

#include "builders/readiness/kernel_image.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    try {
        builders::readiness::xen_notes(std::as_bytes(std::span(data, size)));
    } catch (const std::runtime_error&) {
    }
    return 0;
}
