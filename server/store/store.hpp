// SPDX-License-Identifier: Apache-2.0
#pragma once
// Files by their SHA256. A file appears under its digest in one rename, complete and synced, or not
// at all; it never changes afterwards.
#include <filesystem>
#include <string>
#include <vector>

namespace server::store {

class Store {
public:
    explicit Store(std::filesystem::path folder);

    // Takes over a file of the same file system that is complete and synced: hard-links it under
    // its digest and syncs the folder; the file at `path` stays. The digest is taken on trust from
    // the pipeline that wrote the file. Adopting what is already there is fine.
    void adopt(const std::filesystem::path& path, const std::string& sha256);

    std::filesystem::path path(const std::string& sha256) const;  // whether or not it is there
    bool contains(const std::string& sha256) const;
    void remove(const std::string& sha256);
    std::vector<std::string> digests() const;  // of every file, for the sweep after a crash

private:
    std::filesystem::path folder_;
};

}  // namespace server::store
