// SPDX-License-Identifier: Apache-2.0
#include "client/verify_signature.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>

#include "server/publish/signing_key.hpp"

namespace {

namespace fs = std::filesystem;
using namespace client;
using server::publish::SigningKey;

TEST(VerifySignature, takes_what_the_signing_key_made_and_nothing_else) {
    const fs::path folder = fs::path(testing::TempDir()) / ("signature." + std::to_string(::getpid()));
    fs::create_directories(folder / "other");
    const SigningKey key = SigningKey::load_or_create(folder), other = SigningKey::load_or_create(folder / "other");
    fs::remove_all(folder);
    const std::string text = "00  x\n", pem = key.public_pem();
    const std::vector<std::byte> made = key.sign(std::as_bytes(std::span(text)));
    const std::string signature(reinterpret_cast<const char*>(made.data()), made.size());
    EXPECT_TRUE(verify_signature(pem, text, signature));
    EXPECT_FALSE(verify_signature(pem, text + "\n", signature));
    EXPECT_FALSE(verify_signature(other.public_pem(), text, signature));
    for (std::size_t length = 0; length < signature.size(); ++length)
        EXPECT_FALSE(verify_signature(pem, text, signature.substr(0, length))) << length;
    for (std::size_t at = 0; at < signature.size(); ++at) {
        std::string damaged = signature;
        damaged[at] = static_cast<char>(damaged[at] ^ 1);
        EXPECT_FALSE(verify_signature(pem, text, damaged)) << at;
    }
    EXPECT_EQ(key_fingerprint(pem), key.fingerprint());
    for (const std::string& junk : {std::string(), std::string("junk"), pem.substr(0, 60), std::string(20000, 'a')})
        EXPECT_THROW(verify_signature(junk, text, signature), std::runtime_error) << junk;
}

}  // namespace
