// SPDX-License-Identifier: Apache-2.0
#pragma once
// Why an address was not fetched. Sentences name the address, without its query and without credentials, and the
// numbers.
#include <stdexcept>

namespace builders::network {

// It may not be fetched: scheme, address, size, digest.
class FetchRefused : public std::runtime_error {
    using std::runtime_error::runtime_error;
};
// It could not be fetched; trying again may help.
class FetchFailed : public std::runtime_error {
    using std::runtime_error::runtime_error;
};
// Of these: the connection broke, or the server is not well just now. fetch() itself tries again.
class FetchBroken : public FetchFailed {
    using FetchFailed::FetchFailed;
};

}  // namespace builders::network
