// SPDX-License-Identifier: Apache-2.0
#pragma once
// The headers of tus 1.0 (https://tus.io/protocols/resumable-upload) as values. Pure, as clients are strangers: what
// is not well-formed is refused with a sentence, nothing is guessed.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/stream/digest.hpp"

namespace server::uploads {

inline constexpr const char* tus_version = "1.0.0";
inline constexpr const char* tus_extensions = "creation,creation-with-upload,checksum,expiration,termination";
inline constexpr const char* checksum_algorithms = "sha1,sha256,md5";

// Decimal digits and nothing else; nothing when it is not that or does not fit.
std::optional<std::uint64_t> parse_number(std::string_view text);

// Upload-Metadata: "filename d29ybGQ=,is_confidential". Keys are printable ASCII without blanks and commas and come
// once; values are any bytes. Throws std::invalid_argument.
using Metadata = std::vector<std::pair<std::string, std::string>>;
Metadata parse_metadata(std::string_view text);

// Upload-Checksum: "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=". Throws std::invalid_argument.
struct Checksum {
    formats::DigestKind kind = formats::DigestKind::sha256;
    std::string digest;  // its bytes
};
Checksum parse_checksum(std::string_view text);

// What is left of a name that may be a path of any system, or not text at all: its last part as UTF-8 without control
// characters, 255 bytes at most; "upload" when nothing is left.
std::string clean_name(std::string_view name);

}  // namespace server::uploads
