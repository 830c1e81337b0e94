// SPDX-License-Identifier: Apache-2.0
#include "formats/disk/spool.hpp"

#include <fcntl.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <vector>

#include "formats/base/errors.hpp"
#include "formats/disk/file_disk.hpp"
#include "formats/disk/zeroes.hpp"

namespace formats {
namespace {

constexpr std::size_t piece = std::size_t{1} << 20, grain = 65536;

}  // namespace

std::shared_ptr<BlockSource> spool(ByteSource& from, const std::filesystem::path& folder, std::uint64_t limit) {
    const int descriptor = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (descriptor < 0)
        throw std::system_error(errno, std::generic_category(), "make a file to spool into in " + folder.string());
    File file(descriptor, "the spool file in " + folder.string());
    std::vector<std::byte> buffer(piece);
    std::uint64_t size = 0;
    while (const std::size_t have = read_full(from, buffer)) {
        if (have > limit - size)
            throw RefusedImage("the stream has more than the limit of " + std::to_string(limit) + " bytes");
        for (std::size_t at = 0; at < have; at += grain) {
            const auto part = std::span<const std::byte>(buffer).subspan(at, std::min(grain, have - at));
            if (!all_zero(part)) file.write_at(size + at, part);
        }
        size += have;
    }
    file.truncate(size);
    return std::make_shared<FileDisk>(std::move(file));
}

}  // namespace formats
