// SPDX-License-Identifier: Apache-2.0
#include "builders/network/fetch_answer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include "builders/network/fetch_errors.hpp"
#include "formats/base/text.hpp"

namespace builders::network {
namespace {

constexpr std::size_t most_validator = 512;

std::optional<std::time_t> parse_date(const std::string& text) {
    std::tm time{};
    const char* const end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &time);
    if (!end || *end != 0) return std::nullopt;
    return ::timegm(&time);
}

bool is_printable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 127; });
}

// RFC 9110 8.8.2.2: within one second a file may change twice under one Last-Modified.
std::string strong_validator(const Head& head) {
    const std::string tag = head.value("etag");
    if (tag.size() >= 2 && tag.size() <= most_validator && tag.starts_with('"') && tag.ends_with('"') &&
        is_printable(tag))
        return tag;
    const std::string modified = head.value("last-modified");
    const auto then = parse_date(modified), now = parse_date(head.value("date"));
    return then && now && *now - *then >= 60 ? modified : std::string();
}

// Servers say of an x.gz that it is a file packed with gzip; it is that file which was asked for.
bool names_its_own_packing(std::string_view coding, std::string_view path) {
    const std::string name = formats::lower(path.substr(0, path.find('?')));
    if (coding == "gzip" || coding == "x-gzip") return name.ends_with(".gz") || name.ends_with(".tgz");
    if (coding == "xz" || coding == "x-xz") return name.ends_with(".xz");
    return coding == "zstd" && name.ends_with(".zst");
}

void refuse_coding(const Head& head, const Origin& from) {
    for (const auto& [name, value] : head.headers) {
        if (name != "content-encoding" || value.empty() || formats::lower(value) == "identity") continue;
        if (!names_its_own_packing(formats::lower(value), from.path))
            throw FetchRefused(printable(from) + ": the server packs the file with Content-Encoding " +
                               value.substr(0, 40) + ", which was not asked for");
    }
}

std::optional<std::uint64_t> content_length(const Head& head, const Origin& from) {
    std::optional<std::string> text;
    for (const auto& [name, value] : head.headers) {
        if (name != "content-length") continue;
        if (!parse_size(value) || (text && *text != value))
            throw FetchRefused(printable(from) + ": its Content-Length is " + value.substr(0, 40) +
                               (text ? " and " + *text : std::string(", which is not a size")));
        text = value;
    }
    return text ? parse_size(*text) : std::nullopt;
}

void check_status(int status, const Origin& from) {
    if (status == 200 || status == 206) return;
    const std::string told = printable(from) + ": the server answered " + std::to_string(status);
    for (const int passes : {408, 425, 429, 500, 502, 503, 504})
        if (status == passes) throw FetchBroken(told);
    throw FetchFailed(told);
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const int letter = c | 0x20;
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._-+~").find(c) != std::string_view::npos;
}

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view digits) {
    std::uint64_t size = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size);
    if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() || size >> 63) return {};
    return size;
}

std::optional<ContentRange> parse_content_range(std::string_view value) {
    if (!formats::lower(value.substr(0, 6)).starts_with("bytes ")) return {};
    value.remove_prefix(6);
    const std::size_t dash = value.find('-'), slash = value.find('/');
    if (dash == std::string_view::npos || slash == std::string_view::npos || dash > slash) return {};
    const auto first = parse_size(value.substr(0, dash)), last = parse_size(value.substr(dash + 1, slash - dash - 1));
    if (!first || !last || *last < *first) return {};
    ContentRange range{*first, *last, {}};
    if (value.substr(slash + 1) == "*") return range;
    range.total = parse_size(value.substr(slash + 1));
    if (!range.total || *range.total <= *last) return {};
    return range;
}

Answer read_answer(const Head& head, const Origin& from, std::optional<std::uint64_t> asked, bool digest_known) {
    check_status(head.status, from);
    refuse_coding(head, from);
    Answer answer;
    answer.validator = strong_validator(head);
    answer.in_parts = formats::lower(head.value("accept-ranges")) == "bytes";
    const std::optional<std::uint64_t> length = content_length(head, from);
    const bool chunked = formats::lower(head.value("transfer-encoding")).find("chunked") != std::string::npos;
    if (head.status == 206) {
        const std::string told = head.value("content-range");
        const auto range = parse_content_range(told);
        if (!asked || !range || range->first != *asked)
            throw FetchFailed(printable(from) + ": the server answered 206 with '" + told.substr(0, 80) + "', but " +
                              (asked ? "bytes " + std::to_string(*asked) + "- were" : "no part was asked for"));
        if (length && *length != range->last - range->first + 1)
            throw FetchRefused(printable(from) + ": the answer has " + std::to_string(*length) +
                               " bytes and says that they are " + told.substr(0, 80));
        answer.offset = *asked;
        answer.total = range->total;
        answer.in_parts = true;
        return answer;
    }
    if (!chunked) answer.total = length;
    if (!chunked && !length && !digest_known)
        throw FetchRefused(printable(from) +
                           ": the server does not say where the file ends, so that half of it would pass for all; "
                           "with its SHA-256 given it is fetched");
    return answer;
}

bool contradicts(const std::string& one_validator, const std::string& other) {
    return !one_validator.empty() && one_validator.starts_with('"') == other.starts_with('"') && one_validator != other;
}

std::string file_name_of(std::string_view path) {
    path = path.substr(0, path.find_first_of("?#"));
    std::string name;
    for (std::size_t i = 0; i < path.size(); ++i) {
        char c = path[i];
        if (c == '%' && i + 2 < path.size() && hex_digit(path[i + 1]) >= 0 && hex_digit(path[i + 2]) >= 0) {
            c = static_cast<char>(hex_digit(path[i + 1]) * 16 + hex_digit(path[i + 2]));
            i += 2;
        }
        name += c;
    }
    const std::size_t slash = name.find_last_of("/\\");
    if (slash != std::string::npos) name.erase(0, slash + 1);
    std::replace_if(
        name.begin(), name.end(), [](char c) { return !is_plain(c); }, '_');
    if (name.size() > 200) name.erase(0, name.size() - 200);  // the ending says the format
    while (name.starts_with('.')) name.erase(0, 1);
    return name.empty() ? "download" : name;
}

}  // namespace builders::network
