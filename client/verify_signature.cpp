// SPDX-License-Identifier: Apache-2.0
#include "client/verify_signature.hpp"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>
#include <span>
#include <stdexcept>

#include "formats/base/handle.hpp"
#include "formats/stream/digest.hpp"

namespace client {
namespace {

using Key = formats::Handle<EVP_PKEY, EVP_PKEY_free>;
using Context = formats::Handle<EVP_MD_CTX, EVP_MD_CTX_free>;
using Memory = formats::Handle<BIO, BIO_free_all>;

constexpr std::size_t most_pem = 16384;

const unsigned char* bytes_of(const std::string& text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

Key read_key(const std::string& pem) {
    const Memory memory(BIO_new_mem_buf(pem.data(), static_cast<int>(std::min(pem.size(), most_pem))));
    Key key(PEM_read_bio_PUBKEY(memory.get(), nullptr, nullptr, nullptr));
    ERR_clear_error();
    if (!key || pem.size() > most_pem) throw std::runtime_error("the signing key is not a public key in PEM");
    std::array<char, 64> curve{};
    if (EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_EC ||
        EVP_PKEY_get_group_name(key.get(), curve.data(), curve.size(), nullptr) != 1 ||
        std::string(curve.data()) != "prime256v1")
        throw std::runtime_error("the signing key is not an ECDSA P-256 key");
    return key;
}

}  // namespace

bool verify_signature(const std::string& public_pem, const std::string& message, const std::string& signature) {
    const Key key = read_key(public_pem);
    const Context context(EVP_MD_CTX_new());
    if (EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1)
        throw std::runtime_error("the signing key cannot be used");
    const bool good =
        EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(message), message.size()) == 1;
    ERR_clear_error();
    return good;
}

std::string key_fingerprint(const std::string& public_pem) {
    const Key key = read_key(public_pem);
    unsigned char* der = nullptr;
    const int size = i2d_PUBKEY(key.get(), &der);
    if (size <= 0) throw std::runtime_error("the signing key cannot be encoded");
    const std::string digest =
        formats::digest_hex(formats::DigestKind::sha256, std::as_bytes(std::span(der, static_cast<std::size_t>(size))));
    OPENSSL_free(der);
    return digest;
}

}  // namespace client
