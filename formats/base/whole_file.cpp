// SPDX-License-Identifier: Apache-2.0
#include "formats/base/whole_file.hpp"

#include <array>
#include <cerrno>
#include <span>
#include <system_error>

#include "formats/base/file.hpp"

namespace formats {

namespace fs = std::filesystem;

std::string read_whole_file(const fs::path& path, std::uint64_t most) {
    const File file = File::open_read(path);
    std::string text;
    std::array<std::byte, 65536> part{};
    while (const std::size_t got = file.read(part)) {
        text.append(reinterpret_cast<const char*>(part.data()), got);
        if (text.size() > most)
            throw std::system_error(EFBIG, std::generic_category(),
                                    "read " + path.string() + ", which may have " + std::to_string(most) + " bytes");
    }
    return text;
}

void write_whole_file(const fs::path& path, std::string_view text, unsigned mode) {
    const fs::path temporary = path.string() + ".new";
    fs::remove(temporary);
    File file = File::create(temporary, mode);
    try {
        file.write(std::as_bytes(std::span(text)));
        file.sync();
        file.close();
        fs::rename(temporary, path);
    } catch (...) {
        std::error_code none;
        fs::remove(temporary, none);
        throw;
    }
    sync_folder(path.has_parent_path() ? path.parent_path() : fs::path("."));
}

}  // namespace formats
