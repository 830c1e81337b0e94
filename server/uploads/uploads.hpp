// SPDX-License-Identifier: Apache-2.0
#pragma once
// Files that users bring: tus 1.0 and plain PUT, resumable after a broken connection or a restart of the
// service. Under config.data: uploads/<id>/ with the bytes received so far (upload_folder.hpp). Thread-safe.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace server::uploads {

struct Upload {
    std::string id;
    std::string name;  // of the file, as the user said; never a path
    std::uint64_t size = 0, received = 0;
    std::string created, expires;  // RFC 3339
    std::filesystem::path file;
    bool complete() const { return received == size; }

    std::int64_t expires_at = 0;  // `expires` in seconds since 1970
    std::string metadata;         // the Upload-Metadata it was made with, as it came
};

class Uploads {
public:
    virtual ~Uploads() = default;
    // Asked for by who uses it: a complete one is kept for its whole time again from now on. Its file never changes
    // once it is complete; who needs it longer hard-links it. Nothing when it is not there or has expired.
    virtual std::optional<Upload> find(const std::string& id) = 0;
};

}  // namespace server::uploads
