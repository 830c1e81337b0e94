// SPDX-License-Identifier: Apache-2.0
#pragma once
// Digests of byte streams, by OpenSSL, and XXH64 by libxxhash.
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/stream/byte_sink.hpp"

namespace formats {

enum class DigestKind { sha256, sha1, md5, sha512 };

class Digest {
public:
    explicit Digest(DigestKind kind);
    Digest(Digest&&) noexcept;
    ~Digest();
    void update(std::span<const std::byte> bytes);
    std::vector<std::byte> finish();  // once; resets for the next use
    std::string finish_hex();         // lower case

private:
    struct Context;
    std::unique_ptr<Context> context_;
};

std::string digest_hex(DigestKind kind, std::span<const std::byte> bytes);
std::string digest_hex(DigestKind kind, const std::string& text);

// HMAC-SHA256 (RFC 2104), lower-case hex. The key may have any length, 32 random bytes are best.
std::string hmac_sha256_hex(std::span<const std::byte> key, std::string_view text);

std::uint64_t xxh64(std::span<const std::byte> bytes);  // seed 0
bool is_sha256(std::string_view text);                  // 64 lower-case hex digits
std::string to_hex(std::span<const std::byte> bytes);   // lower case

// Several digests of one stream, computed on a thread of their own so that the pipeline does not
// wait for them; memory is bounded, a slow digest slows the writer.
class DigestSink : public ByteSink {
public:
    DigestSink(std::initializer_list<DigestKind> kinds);
    ~DigestSink() override;
    void write(std::span<const std::byte> bytes) override;
    void finish() override;

    // REQUIRES: finish() was called.
    std::string hex(DigestKind kind) const;
    std::uint64_t size() const;  // bytes seen

private:
    struct Worker;
    std::unique_ptr<Worker> worker_;
};

}  // namespace formats
