// SPDX-License-Identifier: Apache-2.0
#include "server/publish/signing_key.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <filesystem>
#include <stdexcept>

#include "formats/base/handle.hpp"
#include "formats/base/whole_file.hpp"
#include "formats/stream/digest.hpp"

namespace server::publish {
namespace {

namespace fs = std::filesystem;
using Key = formats::Handle<EVP_PKEY, EVP_PKEY_free>;
using Context = formats::Handle<EVP_MD_CTX, EVP_MD_CTX_free>;
using Memory = formats::Handle<BIO, BIO_free_all>;

void check(bool good, const char* what) {
    if (!good)
        throw std::runtime_error(std::string("signing key: ") + what + ": " +
                                 ERR_error_string(ERR_get_error(), nullptr));
}

std::string text_of(BIO* memory) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory, &data);
    return {data, static_cast<std::size_t>(size)};
}

}  // namespace

struct SigningKey::Parts {
    Key key;
};

SigningKey::SigningKey(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
SigningKey::SigningKey(SigningKey&&) noexcept = default;
SigningKey::~SigningKey() = default;

SigningKey SigningKey::load_or_create(const fs::path& folder) {
    const fs::path file = folder / "signing-key.pem";
    auto parts = std::make_unique<Parts>();
    if (fs::exists(file)) {
        struct stat status {};
        if (::stat(file.c_str(), &status) == 0 && (status.st_mode & 077) != 0)
            throw std::runtime_error("signing key: others can read " + file.string() + "; forbid it with: chmod 600 " +
                                     file.string());
        const std::string pem = formats::read_whole_file(file);
        const Memory memory(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
        parts->key.reset(PEM_read_bio_PrivateKey(memory.get(), nullptr, nullptr, nullptr));
        check(parts->key != nullptr, ("cannot read " + file.string()).c_str());
        return SigningKey(std::move(parts));
    }
    parts->key.reset(EVP_EC_gen("P-256"));
    check(parts->key != nullptr, "cannot make one");
    const Memory memory(BIO_new(BIO_s_mem()));
    check(PEM_write_bio_PrivateKey(memory.get(), parts->key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1,
          "cannot write it");
    SigningKey made(std::move(parts));
    formats::write_whole_file(folder / "signing-key.pub.pem", made.public_pem(), 0644);
    fs::permissions(folder / "signing-key.pub.pem", fs::perms(0644));  // whatever the umask: it is meant for everybody
    formats::write_whole_file(file, text_of(memory.get()), 0600);
    return made;
}

std::vector<std::byte> SigningKey::sign(std::span<const std::byte> message) const {
    const Context context(EVP_MD_CTX_new());
    std::size_t size = 0;
    const auto* data = reinterpret_cast<const unsigned char*>(message.data());
    check(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, parts_->key.get()) == 1 &&
              EVP_DigestSign(context.get(), nullptr, &size, data, message.size()) == 1,
          "cannot sign");
    std::vector<std::byte> signature(size);
    check(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, data,
                         message.size()) == 1,
          "cannot sign");
    signature.resize(size);
    return signature;
}

std::string SigningKey::public_pem() const {
    const Memory memory(BIO_new(BIO_s_mem()));
    check(PEM_write_bio_PUBKEY(memory.get(), parts_->key.get()) == 1, "cannot write the public half");
    return text_of(memory.get());
}

std::string SigningKey::fingerprint() const {
    unsigned char* der = nullptr;
    const int size = i2d_PUBKEY(parts_->key.get(), &der);
    check(size > 0, "cannot encode the public half");
    const std::string digest =
        formats::digest_hex(formats::DigestKind::sha256, std::as_bytes(std::span(der, static_cast<std::size_t>(size))));
    OPENSSL_free(der);
    return digest;
}

}  // namespace server::publish
