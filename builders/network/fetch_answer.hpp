// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a server's answer to a GET says of the file behind it. Pure: the bytes are a stranger's. RFC 9110.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "builders/network/upstream.hpp"

namespace builders::network {

struct Answer {
    std::uint64_t offset = 0;            // where its body goes: 0, or where the part that was asked for begins
    std::optional<std::uint64_t> total;  // bytes of the whole file
    std::string validator;  // for If-Range: a strong ETag, else a Last-Modified that is old enough; or empty
    bool in_parts = false;  // the server says that it gives ranges
};

// `asked` is where the range that was asked for begins, if one was. Throws FetchBroken for a status that passes,
// FetchFailed for another one that is not 200 or 206, FetchRefused for what cannot be taken: a content coding that was
// not asked for, an end that is nowhere said (unless `digest_known`), lengths that contradict each other.
Answer read_answer(const Head& head, const Origin& from, std::optional<std::uint64_t> asked, bool digest_known);

// Both are known, and differ; a tag says nothing of a date.
bool contradicts(const std::string& one_validator, const std::string& other);

struct ContentRange {
    std::uint64_t first = 0, last = 0;
    std::optional<std::uint64_t> total;
};
std::optional<ContentRange> parse_content_range(std::string_view value);  // "bytes 5-9/10"
std::optional<std::uint64_t> parse_size(std::string_view digits);         // below 2^63

// The last part of an address's path as the name of a file: letters, digits and . _ - + ~ only, no dot in front, at
// most 200 bytes; "download" when nothing is left of it.
std::string file_name_of(std::string_view path);

}  // namespace builders::network
