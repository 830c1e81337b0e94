// SPDX-License-Identifier: Apache-2.0
// Any bytes as the tar of a bundle: its names never lead out of it.
#include <stdexcept>

#include "kickstart/bundle.hpp"
#include "kickstart/parser.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    try {
        const kickstart::TarBundle bundle(std::string(reinterpret_cast<const char*>(data), size));
        if (bundle.read("../a.ks") || bundle.read("/a.ks")) __builtin_trap();
        kickstart::ParseOptions options;
        options.bundle = &bundle;
        options.file = "top.ks";
        kickstart::parse("%include a.ks\n", options);
    } catch (const std::runtime_error&) {
    }
    return 0;
}
