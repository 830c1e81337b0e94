// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "formats/base/errors.hpp"
#include "formats/ova/ova.hpp"

namespace formats::ova {
namespace {

struct Algorithm {
    std::string_view name;
    DigestKind kind;
    std::size_t digits;
};
constexpr Algorithm algorithms[]{
    {"SHA1", DigestKind::sha1, 40}, {"SHA256", DigestKind::sha256, 64}, {"SHA512", DigestKind::sha512, 128}};

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t\r"), last = text.find_last_not_of(" \t\r");
    return first == std::string_view::npos ? "" : text.substr(first, last - first + 1);
}

ManifestLine read_line(std::string_view line, const std::string& where) {
    const std::size_t open = line.find('('), close = line.rfind(')');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open)
        throw CorruptImage(where + " is not ALGORITHM(file)= digest");
    const std::string_view name = trimmed(line.substr(0, open));
    const auto algorithm = std::ranges::find(algorithms, name, &Algorithm::name);
    if (algorithm == std::end(algorithms))
        throw RefusedImage(where + " has the algorithm \"" + std::string(name) +
                           "\"; SHA1, SHA256 and SHA512 are known");
    std::string_view digest = trimmed(line.substr(close + 1));
    if (!digest.starts_with('=')) throw CorruptImage(where + " is not ALGORITHM(file)= digest");
    digest = trimmed(digest.substr(1));
    std::string hex(digest);
    std::ranges::transform(hex, hex.begin(),
                           [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c; });
    if (hex.size() != algorithm->digits || hex.find_first_not_of("0123456789abcdef") != std::string::npos)
        throw CorruptImage(where + ": the digest is not " + std::to_string(algorithm->digits) + " hex digits");
    return {algorithm->kind, std::string(line.substr(open + 1, close - open - 1)), hex};
}

}  // namespace

std::vector<ManifestLine> read_manifest(std::string_view text) {
    std::vector<ManifestLine> lines;
    std::set<std::string> files;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty()) continue;
        lines.push_back(read_line(line, "ova: line " + std::to_string(number) + " of the manifest"));
        if (!files.insert(lines.back().file).second)
            throw CorruptImage("ova: the manifest names \"" + lines.back().file + "\" twice");
    }
    return lines;
}

}  // namespace formats::ova
