// SPDX-License-Identifier: Apache-2.0
#include "kickstart/bundle.hpp"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <vector>

namespace kickstart {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t block = 512;

std::string_view field(std::string_view header, std::size_t offset, std::size_t size) {
    std::string_view text = header.substr(offset, size);
    return text.substr(0, text.find('\0'));
}

std::size_t octal(std::string_view text, std::size_t offset) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 8);
    if (text.empty() || error != std::errc() || end != text.data() + text.size())
        throw std::runtime_error("tar: the header at byte " + std::to_string(offset) + " has no size");
    return value;
}

bool checksum_is_right(std::string_view header) {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < block; ++i) sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(header[i]);
    std::size_t written = 0;
    std::string_view text = field(header, 148, 8);
    while (text.starts_with(' ')) text.remove_prefix(1);
    std::from_chars(text.data(), text.data() + text.size(), written, 8);
    return written == sum;
}

// A pax header is lines of "LENGTH key=value\n".
std::string pax_path(std::string_view records) {
    std::string path;
    while (!records.empty()) {
        std::size_t length = 0;
        std::from_chars(records.data(), records.data() + records.size(), length);
        if (length == 0 || length > records.size()) break;
        std::string_view record = records.substr(0, length - 1);
        record.remove_prefix(std::min(record.find(' ') + 1, record.size()));
        if (record.starts_with("path=")) path = record.substr(5);
        records.remove_prefix(length);
    }
    return path;
}

}  // namespace

std::optional<std::string> path_in_bundle(std::string_view path) {
    if (path.empty() || path.front() == '/' || path.find("://") != std::string_view::npos) return std::nullopt;
    std::vector<std::string_view> parts;
    while (!path.empty()) {
        const std::size_t slash = path.find('/');
        const std::string_view part = path.substr(0, slash);
        path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
        if (part.empty() || part == ".") continue;
        if (part != "..") {
            parts.push_back(part);
            continue;
        }
        if (parts.empty()) return std::nullopt;
        parts.pop_back();
    }
    std::string clean;
    for (const std::string_view part : parts) clean.append(clean.empty() ? "" : "/").append(part);
    return clean;
}

FolderBundle::FolderBundle(std::string root) {
    std::error_code error;
    const fs::path real = fs::canonical(root, error);
    if (error || !fs::is_directory(real)) throw std::runtime_error(root + " is not a folder");
    root_ = real.string();
}

std::optional<std::string> FolderBundle::read(const std::string& path) const {
    std::error_code error;
    const fs::path real = fs::canonical(fs::path(root_) / path, error);
    if (error) return std::nullopt;
    if (root_ != "/" && !real.string().starts_with(root_ + "/"))
        throw std::runtime_error(path + " is a link that leads out of the bundle");
    if (!fs::is_regular_file(real)) throw std::runtime_error(path + " is not a regular file");
    if (const auto size = fs::file_size(real); size > largest_include)
        throw std::runtime_error(path + " has " + std::to_string(size) + " bytes, at most " +
                                 std::to_string(largest_include) + " are read");
    std::ifstream file(real, std::ios::binary);
    if (!file) throw std::runtime_error(path + " cannot be read");
    return std::string(std::istreambuf_iterator<char>(file), {});
}

TarBundle::TarBundle(std::string bytes) : bytes_(std::move(bytes)) {
    std::string long_name;
    for (std::size_t at = 0; at + block <= bytes_.size();) {
        const std::string_view header = std::string_view(bytes_).substr(at, block);
        if (header.find_first_not_of('\0') == std::string_view::npos) break;  // the end
        if (!checksum_is_right(header))
            throw std::runtime_error("tar: the header at byte " + std::to_string(at) + " has a wrong checksum");
        const std::size_t size = octal(field(header, 124, 12), at);
        at += block;
        if (size > bytes_.size() - at)
            throw std::runtime_error("tar: a member of " + std::to_string(size) + " bytes at byte " +
                                     std::to_string(at) + ", where " + std::to_string(bytes_.size() - at) +
                                     " are left");
        const std::string_view data = std::string_view(bytes_).substr(at, size);
        at += (size + block - 1) / block * block;
        const char type = header[156];
        if (type == 'L') {
            long_name = field(data, 0, data.size());
        } else if (type == 'x') {
            long_name = pax_path(data);
        } else {
            std::string name(field(header, 0, 100));
            if (const std::string_view prefix = field(header, 345, 155);
                field(header, 257, 5) == "ustar" && !prefix.empty())
                name = std::string(prefix) + "/" + name;
            if (!long_name.empty()) name = std::move(long_name);
            long_name.clear();
            if (const auto path = path_in_bundle(name); path && (type == '0' || type == '\0')) files_[*path] = data;
        }
    }
    if (files_.empty()) throw std::runtime_error("tar: there is no file in it");
}

std::optional<std::string> TarBundle::read(const std::string& path) const {
    const auto found = files_.find(path);
    if (found == files_.end()) return std::nullopt;
    if (found->second.size() > largest_include)
        throw std::runtime_error(path + " has " + std::to_string(found->second.size()) + " bytes, at most " +
                                 std::to_string(largest_include) + " are read");
    return std::string(found->second);
}

}  // namespace kickstart
