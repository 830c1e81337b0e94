// SPDX-License-Identifier: Apache-2.0
#include "formats/stream/digest.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <xxhash.h>

#include <array>
#include <cassert>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <new>
#include <thread>

#include "formats/base/handle.hpp"

namespace formats {

struct Digest::Context {
    const EVP_MD* kind;
    Handle<EVP_MD_CTX, EVP_MD_CTX_free> handle{EVP_MD_CTX_new()};
};

Digest::Digest(DigestKind kind) : context_(std::make_unique<Context>()) {
    context_->kind = kind == DigestKind::sha256   ? EVP_sha256()
                     : kind == DigestKind::sha1   ? EVP_sha1()
                     : kind == DigestKind::sha512 ? EVP_sha512()
                                                  : EVP_md5();
    if (!context_->handle || !EVP_DigestInit_ex(context_->handle.get(), context_->kind, nullptr))
        throw std::bad_alloc();
}
Digest::Digest(Digest&&) noexcept = default;
Digest::~Digest() = default;

void Digest::update(std::span<const std::byte> bytes) {
    EVP_DigestUpdate(context_->handle.get(), bytes.data(), bytes.size());
}

std::vector<std::byte> Digest::finish() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> buffer{};
    unsigned length = 0;
    EVP_DigestFinal_ex(context_->handle.get(), buffer.data(), &length);
    EVP_DigestInit_ex(context_->handle.get(), context_->kind, nullptr);
    const auto bytes = std::as_bytes(std::span(buffer).first(length));
    return {bytes.begin(), bytes.end()};
}

std::string Digest::finish_hex() {
    return to_hex(finish());
}

std::string digest_hex(DigestKind kind, std::span<const std::byte> bytes) {
    Digest digest(kind);
    digest.update(bytes);
    return digest.finish_hex();
}

std::string digest_hex(DigestKind kind, const std::string& text) {
    return digest_hex(kind, std::as_bytes(std::span(text)));
}

std::string hmac_sha256_hex(std::span<const std::byte> key, std::string_view text) {
    static constexpr std::byte empty{};  // OpenSSL takes a null key for "the one before"
    std::array<std::byte, 32> mac{};
    unsigned length = 0;
    if (!HMAC(EVP_sha256(), key.empty() ? &empty : key.data(), static_cast<int>(key.size()),
              reinterpret_cast<const unsigned char*>(text.data()), text.size(),
              reinterpret_cast<unsigned char*>(mac.data()), &length))
        throw std::bad_alloc();
    return to_hex(mac);
}

std::uint64_t xxh64(std::span<const std::byte> bytes) {
    return XXH64(bytes.data(), bytes.size(), 0);
}

bool is_sha256(std::string_view text) {
    return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string to_hex(std::span<const std::byte> bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const std::byte byte : bytes) {
        text += digits[std::to_integer<unsigned>(byte) >> 4];
        text += digits[std::to_integer<unsigned>(byte) & 15];
    }
    return text;
}

struct DigestSink::Worker {
    static constexpr std::size_t max_queued = std::size_t{8} << 20;  // bytes

    std::map<DigestKind, Digest> digests;
    std::map<DigestKind, std::string> results;
    std::uint64_t size = 0;

    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::vector<std::byte>> queue;
    std::size_t queued = 0;
    bool closed = false;
    std::thread thread;

    void work() {
        std::unique_lock lock(mutex);
        for (;;) {
            changed.wait(lock, [&] { return closed || !queue.empty(); });
            if (queue.empty()) return;
            const std::vector<std::byte> block = std::move(queue.front());
            queue.pop_front();
            lock.unlock();
            for (auto& [kind, digest] : digests) digest.update(block);
            lock.lock();
            queued -= block.size();
            changed.notify_all();
        }
    }
    void close() {
        {
            const std::lock_guard lock(mutex);
            closed = true;
        }
        changed.notify_all();
        if (thread.joinable()) thread.join();
    }
};

DigestSink::DigestSink(std::initializer_list<DigestKind> kinds) : worker_(std::make_unique<Worker>()) {
    for (const DigestKind kind : kinds) worker_->digests.emplace(kind, Digest(kind));
    worker_->thread = std::thread([worker = worker_.get()] { worker->work(); });
}

DigestSink::~DigestSink() {
    worker_->close();
}

void DigestSink::write(std::span<const std::byte> bytes) {
    worker_->size += bytes.size();
    std::unique_lock lock(worker_->mutex);
    // Small writes are gathered: a queue of tar headers would cost more in locking than in digesting.
    auto& queue = worker_->queue;
    if (!queue.empty() && queue.back().size() + bytes.size() <= (std::size_t{1} << 20)) {
        queue.back().insert(queue.back().end(), bytes.begin(), bytes.end());
    } else {
        worker_->changed.wait(lock, [&] { return worker_->queued < Worker::max_queued; });
        queue.emplace_back(bytes.begin(), bytes.end());
    }
    worker_->queued += bytes.size();
    worker_->changed.notify_all();
}

void DigestSink::finish() {
    worker_->close();
    for (auto& [kind, digest] : worker_->digests) worker_->results[kind] = digest.finish_hex();
}

std::string DigestSink::hex(DigestKind kind) const {
    assert(worker_->results.contains(kind));
    return worker_->results.at(kind);
}

std::uint64_t DigestSink::size() const {
    return worker_->size;
}

}  // namespace formats
