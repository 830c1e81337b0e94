// SPDX-License-Identifier: Apache-2.0
// Any bytes as kickstart: a diagnostic at the most, and JSON that is printed to its end.
#include "kickstart/json.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (to_json(kickstart::parse(text)).back() != '\n') __builtin_trap();
    return 0;
}
