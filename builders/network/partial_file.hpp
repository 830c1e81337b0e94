// SPDX-License-Identifier: Apache-2.0
#pragma once
// A file that comes in pieces, perhaps over several lives of the program. What is known of its source lies beside
// it, in NAME.from: which address, the validator that a server is asked to confirm before it gives the rest, and the
// size of the whole. One process at a time.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

#include "formats/base/file.hpp"
#include "formats/stream/digest.hpp"

namespace builders::network {

class PartialFile {
public:
    // What an earlier try left of this address is kept, anything else is emptied. Throws std::system_error;
    // FetchFailed when another process is at it.
    PartialFile(std::filesystem::path path, const std::string& url);
    ~PartialFile();  // an empty file that was not finished is removed

    std::uint64_t size() const { return size_; }  // bytes that are there, without a gap
    const std::string& validator() const { return validator_; }
    std::optional<std::uint64_t> total() const { return total_; }
    const std::filesystem::path& path() const { return path_; }

    // From the first byte again; without a validator nothing is remembered.
    void begin(const std::string& validator, std::optional<std::uint64_t> total);
    void append(std::span<const std::byte> bytes);
    // From with_gaps() on, bytes may be put behind a gap, by several threads; advance() says where the gap begins now.
    void with_gaps();
    void put(std::uint64_t offset, std::span<const std::byte> bytes) { file_.write_at(offset, bytes); }
    void advance(std::uint64_t size);
    std::string finish();  // the SHA-256 of the whole; what lay beside it is gone
    void discard();        // both files are gone

private:
    void remember(bool with_gaps) const;
    bool recall();
    void digest_until(std::uint64_t size);

    std::filesystem::path path_, beside_;
    std::string source_;  // SHA-256 of the address
    formats::File file_;
    formats::Digest digest_{formats::DigestKind::sha256};
    std::uint64_t size_ = 0;
    std::string validator_;
    std::optional<std::uint64_t> total_;
    bool over_ = false;
};

}  // namespace builders::network
