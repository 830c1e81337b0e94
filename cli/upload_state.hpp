// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which upload of which service an interrupted `xenkiln upload` was sending: a small file for each under
// $XDG_STATE_HOME/xenkiln/uploads, named by the digest of server, path, size and time of change. A file that was
// changed is another one.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace cli {

class UploadState {
public:
    UploadState(const std::string& server, const std::filesystem::path& file, std::uint64_t size,
                std::int64_t changed_nanoseconds);

    std::optional<std::string> id() const;  // of the upload
    void keep(const std::string& id) const;
    void forget() const;
    const std::filesystem::path& file() const { return file_; }

private:
    std::string key_;
    std::filesystem::path file_;
};

}  // namespace cli
