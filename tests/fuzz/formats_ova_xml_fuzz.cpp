// SPDX-License-Identifier: Apache-2.0
// Any bytes as ova.xml.
#include "formats/base/errors.hpp"
#include "formats/xva/ova_xml.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    try {
        formats::xva::read_ova_xml({reinterpret_cast<const char*>(data), size});
    } catch (const formats::CorruptImage&) {
    } catch (const formats::RefusedImage&) {
    }
    return 0;
}
