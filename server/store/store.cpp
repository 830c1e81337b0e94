// SPDX-License-Identifier: Apache-2.0
#include "server/store/store.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "formats/base/file.hpp"

namespace server::store {

namespace fs = std::filesystem;

Store::Store(fs::path folder) : folder_(std::move(folder)) {
    fs::create_directories(folder_);
}

fs::path Store::path(const std::string& sha256) const {
    return folder_ / sha256.substr(0, 2) / sha256;
}

bool Store::contains(const std::string& sha256) const {
    return fs::exists(path(sha256));
}

void Store::adopt(const fs::path& file, const std::string& sha256) {
    const fs::path target = path(sha256);
    if (fs::create_directories(target.parent_path())) formats::sync_folder(folder_);
    if (::link(file.c_str(), target.c_str()) != 0 && errno != EEXIST)
        throw std::system_error(errno, std::generic_category(), "store " + file.string());
    formats::sync_folder(target.parent_path());
}

void Store::remove(const std::string& sha256) {
    fs::remove(path(sha256));
}

std::vector<std::string> Store::digests() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(folder_))
        if (entry.is_regular_file()) found.push_back(entry.path().filename());
    return found;
}

}  // namespace server::store
