// SPDX-License-Identifier: Apache-2.0
#pragma once
// The files that belong together with a kickstart: what its %include lines may name. A bundle is a folder or a tar,
// and nothing outside of it is ever read.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace kickstart {

class Bundle {
public:
    virtual ~Bundle() = default;

    // The file of this name, which is relative to the top of the bundle and has no "." or ".." in it. Throws
    // std::runtime_error when it is there but cannot be read.
    virtual std::optional<std::string> read(const std::string& path) const = 0;
};

// A folder. Symbolic links are followed as long as they stay in it.
class FolderBundle : public Bundle {
public:
    explicit FolderBundle(std::string root);  // throws std::runtime_error when it is no folder
    std::optional<std::string> read(const std::string& path) const override;

private:
    std::string root_;  // without links
};

// The regular files of an uncompressed tar (V7, ustar, GNU and pax names); links in it are not followed.
class TarBundle : public Bundle {
public:
    explicit TarBundle(std::string bytes);  // throws std::runtime_error when it is no tar
    std::optional<std::string> read(const std::string& path) const override;

private:
    std::string bytes_;
    std::map<std::string, std::string_view, std::less<>> files_;
};

// "a/./b/../c" → "a/c"; nothing when it is absolute, a URL, or climbs out of the top.
std::optional<std::string> path_in_bundle(std::string_view path);

inline constexpr std::size_t largest_include = 16U << 20;  // bytes of one file

}  // namespace kickstart
