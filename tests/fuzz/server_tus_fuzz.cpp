// SPDX-License-Identifier: Apache-2.0
// Any bytes as the headers and the name that a tus client sends: refused, or understood within their bounds.
#include <stdexcept>

#include "server/uploads/tus.hpp"

using namespace server::uploads;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    try {
        for (const auto& [key, value] : parse_metadata(text))
            if (key.empty() || key.size() + value.size() > size) __builtin_trap();
    } catch (const std::invalid_argument&) {
    }
    try {
        const std::size_t length = parse_checksum(text).digest.size();
        if (length != 16 && length != 20 && length != 32) __builtin_trap();
    } catch (const std::invalid_argument&) {
    }
    const std::string name = clean_name(text);
    if (name.empty() || name.size() > 255 || name.find_first_of(std::string_view("/\\\0\n", 4)) != std::string::npos ||
        name == "." || name == ".." || clean_name(name) != name)
        __builtin_trap();
    return 0;
}
