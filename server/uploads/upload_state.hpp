// SPDX-License-Identifier: Apache-2.0
#pragma once
// What stands beside an upload's bytes (upload_folder.hpp says why): upload.json and the mark.
#include <cstdint>
#include <filesystem>
#include <string>

#include "formats/base/file.hpp"
#include "server/uploads/uploads.hpp"

namespace server::uploads {

// One line of fixed length within one sector, so that rewriting it in place is all or nothing.
struct Mark {
    std::uint64_t received = 0;  // on the disk for certain
    bool checked = false;        // what is behind it waits for a checksum
    std::int64_t used = 0;       // seconds since 1970
    std::string boot;            // of the machine when it was written
};

void write_mark(const formats::File& file, const Mark& mark);
Mark read_mark(const std::filesystem::path& file);  // throws std::runtime_error when it is none

// Id, name, size, created and metadata; the rest is the mark's. Throws std::runtime_error when it is none.
Upload read_description(const std::filesystem::path& file);
void write_description(const std::filesystem::path& file, const Upload& upload);  // synced

std::string boot_id();  // another one after each start of the machine

formats::File open_write(const std::filesystem::path& file);  // as it is

}  // namespace server::uploads
