// SPDX-License-Identifier: Apache-2.0
#pragma once
// The other side of signing_key.hpp: what whoever downloads a release does with SHA256SUMS.sig, as
// `openssl dgst -sha256 -verify` does it.
#include <string>

namespace client {

// `public_pem` is the key as GET /keys/signing.pem gives it; ECDSA P-256 only. Throws std::runtime_error when it is
// none.
bool verify_signature(const std::string& public_pem, const std::string& message, const std::string& signature);

// SHA256 of the public key's DER, hex, as SigningKey::fingerprint().
std::string key_fingerprint(const std::string& public_pem);

}  // namespace client
