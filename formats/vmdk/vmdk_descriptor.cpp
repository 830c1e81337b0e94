// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <sstream>
#include <string_view>

#include "formats/base/errors.hpp"
#include "formats/base/text.hpp"
#include "formats/vmdk/vmdk_header.hpp"

namespace formats::vmdk {
namespace {

constexpr std::array<std::string_view, 6> known_keys{"version",   "encoding",         "cid",
                                                     "parentcid", "isnativesnapshot", "createtype"};

std::string trimmed(const std::string& text) {
    const std::size_t first = text.find_first_not_of(" \t\r"), last = text.find_last_not_of(" \t\r");
    return first == std::string::npos ? "" : text.substr(first, last - first + 1);
}

std::string unquoted(const std::string& text) {
    return text.size() >= 2 && text.front() == '"' && text.back() == '"' ? text.substr(1, text.size() - 2) : text;
}

std::string printable(std::string text) {
    if (text.size() > 120) text = text.substr(0, 120) + "…";
    return text;
}

// RW 81920 SPARSE "disk.vmdk": the only extent can be this very file.
void check_extent(const std::string& line) {
    std::istringstream words(line);
    std::string access, sectors, type;
    words >> access >> sectors >> type;
    if (line.find('/') != std::string::npos || line.find('\\') != std::string::npos)
        throw RefusedImage("vmdk: descriptor: the extent names a path: " + printable(line));
    if (type != "SPARSE")
        throw RefusedImage("vmdk: descriptor: extent type is \"" + printable(type) +
                           "\", which lies in another file; only SPARSE, in this one, is read");
}

void check_key(const std::string& key, const std::string& value, Facts* facts) {
    const std::string name = lower(key);
    if (name.starts_with("ddb.")) return;
    if (name == "parentfilenamehint")
        throw RefusedImage("vmdk: descriptor: parentFileNameHint: an image with a parent is not taken");
    if (name == "parentcid" && lower(value) != "ffffffff")
        throw RefusedImage("vmdk: descriptor: parentCID is " + printable(value) +
                           ": an image with a parent is not taken");
    if (name == "createtype") {
        if (value != "monolithicSparse" && value != "streamOptimized")
            throw RefusedImage("vmdk: descriptor: createType is \"" + printable(value) +
                               "\"; monolithicSparse and streamOptimized are read");
        if (facts) facts->feature("create type", value);
    }
    if (std::ranges::find(known_keys, name) == known_keys.end())
        throw RefusedImage("vmdk: descriptor: unknown line: " + printable(key));
}

}  // namespace

void check_descriptor(const std::string& text, Facts* facts) {
    for (const char c : text)
        if (static_cast<unsigned char>(c) > 0x7e ||
            (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t'))
            throw CorruptImage("vmdk: descriptor: a byte that is not ASCII text");
    std::istringstream lines(text);
    std::string raw;
    std::size_t extents = 0;
    bool typed = false;
    while (std::getline(lines, raw)) {
        const std::string line = trimmed(raw);
        if (line.empty() || line.front() == '#') continue;
        if (line.starts_with("RW ") || line.starts_with("RDONLY ") || line.starts_with("NOACCESS ")) {
            check_extent(line);
            ++extents;
            continue;
        }
        const std::size_t equals = line.find('=');
        if (equals == std::string::npos) throw RefusedImage("vmdk: descriptor: unknown line: " + printable(line));
        const std::string key = trimmed(line.substr(0, equals));
        check_key(key, unquoted(trimmed(line.substr(equals + 1))), facts);
        typed = typed || lower(key) == "createtype";
    }
    if (extents != 1)
        throw RefusedImage("vmdk: descriptor: " + std::to_string(extents) + " extents; exactly one is read");
    if (!typed) throw CorruptImage("vmdk: descriptor: no createType");
}

}  // namespace formats::vmdk
