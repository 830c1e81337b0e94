// SPDX-License-Identifier: Apache-2.0
#include "builders/sandbox/tree_tar.hpp"

#include <cstdio>
#include <cstring>
#include <stdexcept>

namespace builders {
namespace {

constexpr std::size_t block = 512;

struct Header {  // POSIX.1-1988 ustar
    char name[100];
    char mode[8];
    char uid[8];
    char gid[8];
    char size[12];
    char mtime[12];
    char checksum[8];
    char typeflag;
    char linkname[100];
    char magic[6];
    char version[2];
    char uname[32];
    char gname[32];
    char devmajor[8];
    char devminor[8];
    char prefix[155];
    char padding[12];
};
static_assert(sizeof(Header) == block && alignof(Header) == 1);

void set_path(Header& header, const std::string& path) {
    std::string name = path.substr(1), prefix;
    if (name.size() > sizeof header.name) {
        const std::size_t slash = name.find('/', name.size() - sizeof header.name - 1);
        if (slash == std::string::npos || slash > sizeof header.prefix)
            throw std::invalid_argument("path too long for the tree: " + path);
        prefix = name.substr(0, slash);
        name = name.substr(slash + 1);
    }
    std::memcpy(header.name, name.data(), name.size());
    std::memcpy(header.prefix, prefix.data(), prefix.size());
}

void check(const std::string& path) {
    if (!path.starts_with('/') || path.size() > 255 || path.find('\0') != std::string::npos ||
        (path + "/").find("/../") != std::string::npos)
        throw std::invalid_argument("not an absolute plain path for the tree: " + path);
}

}  // namespace

std::string tar_of(const std::vector<TreeFile>& files) {
    std::string tar;
    for (const TreeFile& file : files) {
        check(file.path);
        Header header{};
        set_path(header, file.path);
        const bool link = file.kind == TreeFile::Kind::symlink;
        const bool plain = file.kind == TreeFile::Kind::file;
        std::snprintf(header.mode, sizeof header.mode, "%07o", file.mode & 07777);
        std::snprintf(header.uid, sizeof header.uid, "%07o", file.uid);
        std::snprintf(header.gid, sizeof header.gid, "%07o", file.gid);
        std::snprintf(header.size, sizeof header.size, "%011zo", plain ? file.content.size() : 0);
        std::snprintf(header.mtime, sizeof header.mtime, "%011o", 0);
        header.typeflag = plain ? '0' : link ? '2' : '5';
        if (link) {
            if (file.content.size() > sizeof header.linkname)
                throw std::invalid_argument("symlink target too long: " + file.content);
            std::memcpy(header.linkname, file.content.data(), file.content.size());
        }
        std::memcpy(header.magic, "ustar", 6);
        std::memcpy(header.version, "00", 2);
        std::memset(header.checksum, ' ', sizeof header.checksum);
        unsigned sum = 0;
        for (const unsigned char byte : std::string_view(reinterpret_cast<const char*>(&header), block)) sum += byte;
        std::snprintf(header.checksum, 7, "%06o", sum);
        tar.append(reinterpret_cast<const char*>(&header), block);
        if (plain) {
            tar += file.content;
            tar.append((block - file.content.size() % block) % block, '\0');
        }
    }
    return tar.append(2 * block, '\0');
}

}  // namespace builders
