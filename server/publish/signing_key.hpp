// SPDX-License-Identifier: Apache-2.0
#pragma once
// The catalog's signature: ECDSA P-256 over SHA-256, because that is what XenServer's dom0 can check
// (`openssl dgst -sha256 -verify`, openssl 1.0.2; no Ed25519 there).
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace server::publish {

class SigningKey {
public:
    // Reads FOLDER/signing-key.pem, or makes it (mode 0600) with signing-key.pub.pem beside it.
    // Refuses a private key that others can read.
    static SigningKey load_or_create(const std::filesystem::path& folder);
    SigningKey(SigningKey&&) noexcept;
    ~SigningKey();

    std::vector<std::byte> sign(std::span<const std::byte> message) const;  // DER
    std::string public_pem() const;
    std::string fingerprint() const;  // SHA256 of the public key's DER, hex

private:
    struct Parts;
    explicit SigningKey(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

}  // namespace server::publish
