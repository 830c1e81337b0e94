// SPDX-License-Identifier: Apache-2.0
#pragma once
// RAII around C. One line per kind of handle: `using Cipher = Handle<EVP_MD_CTX, EVP_MD_CTX_free>;`
#include <memory>

namespace formats {

template <auto Close>
struct Closer {
    void operator()(auto* pointer) const noexcept { Close(pointer); }
};
template <class T, auto Close>
using Handle = std::unique_ptr<T, Closer<Close>>;

}  // namespace formats
