// SPDX-License-Identifier: Apache-2.0
#include "server/uploads/tus.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "formats/base/text.hpp"

namespace server::uploads {
namespace {

constexpr std::size_t longest_name = 255;  // of Linux' file systems

std::string in_quotes(std::string_view text) {
    return "'" + std::string(text.substr(0, 60)) + "'";
}

std::string_view trimmed(std::string_view text) {
    while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
    while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
    return text;
}

}  // namespace

std::optional<std::uint64_t> parse_number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

Metadata parse_metadata(std::string_view text) {
    Metadata metadata;
    if (trimmed(text).empty()) return metadata;
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find(',', begin), text.size());
        const std::string_view pair = trimmed(text.substr(begin, end - begin));
        begin = end + 1;
        const std::size_t blank = std::min(pair.find(' '), pair.size());
        const std::string key(pair.substr(0, blank));
        if (key.empty() || !std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < 0x7f; }))
            throw std::invalid_argument("Upload-Metadata: " + in_quotes(pair) +
                                        " has no key of printable ASCII before its value");
        if (std::any_of(metadata.begin(), metadata.end(), [&](const auto& one) { return one.first == key; }))
            throw std::invalid_argument("Upload-Metadata: the key " + in_quotes(key) + " comes twice");
        const auto value = formats::from_base64(trimmed(pair.substr(blank)));
        if (!value) throw std::invalid_argument("Upload-Metadata: the value of " + in_quotes(key) + " is not Base64");
        metadata.emplace_back(key, *value);
    }
    return metadata;
}

Checksum parse_checksum(std::string_view text) {
    using formats::DigestKind;
    const std::size_t blank = std::min(text.find(' '), text.size());
    const std::string_view name = text.substr(0, blank);
    Checksum checksum;
    std::size_t length = 0;
    if (name == "sha1") {
        checksum.kind = DigestKind::sha1;
        length = 20;
    } else if (name == "sha256") {
        checksum.kind = DigestKind::sha256;
        length = 32;
    } else if (name == "md5") {
        checksum.kind = DigestKind::md5;
        length = 16;
    } else {
        throw std::invalid_argument("Upload-Checksum: " + in_quotes(name) + " is not one of " + checksum_algorithms);
    }
    const auto digest = formats::from_base64(trimmed(text.substr(blank)));
    if (!digest || digest->size() != length)
        throw std::invalid_argument("Upload-Checksum: what follows " + std::string(name) + " is not the Base64 of " +
                                    std::to_string(length) + " bytes");
    checksum.digest = *digest;
    return checksum;
}

std::string clean_name(std::string_view name) {
    const std::size_t slash = name.find_last_of("/\\");
    if (slash != std::string_view::npos) name.remove_prefix(slash + 1);
    std::string clean;
    for (const char c : formats::valid_utf8(name))
        if (static_cast<unsigned char>(c) >= ' ' && c != 0x7f) clean += c;
    clean = std::string(trimmed(clean));
    if (clean.size() > longest_name) {
        std::size_t end = longest_name;
        while ((static_cast<unsigned char>(clean[end]) & 0xc0) == 0x80) --end;  // never within a character
        clean.resize(end);
        clean = std::string(trimmed(clean));
    }
    return clean.empty() || clean == "." || clean == ".." ? "upload" : clean;
}

}  // namespace server::uploads
