// SPDX-License-Identifier: Apache-2.0
#pragma once
// Files by their SHA256. A file appears under its digest at once, complete and synced, or not at all; it never changes
// afterwards.
#include <filesystem>
#include <string>
#include <vector>

#include "formats/base/file.hpp"
#include "formats/base/hex_digest.hpp"

namespace server::store {

class Store {
public:
    explicit Store(std::filesystem::path folder);

    // Takes over an open file of the same file system: hard-links what is open, whatever its name holds by now, under
    // its digest, and syncs the folder; its other names stay. REQUIRES: the caller has digested and synced it, and
    // nobody can write it. When there is a file of this digest already, its bytes are compared: false when they are the
    // same, std::runtime_error when they are not (that file is damaged).
    bool adopt(const formats::File& file, const formats::Sha256& digest);

    std::filesystem::path path(const formats::Sha256& digest) const;  // whether or not it is there
    bool contains(const formats::Sha256& digest) const;
    void remove(const formats::Sha256& digest);
    // Of every file, for the sweep after a crash. What has another name is not the store's and not told.
    std::vector<formats::Sha256> digests() const;

private:
    std::filesystem::path folder_;
};

}  // namespace server::store
