// SPDX-License-Identifier: Apache-2.0
#include "server/data_folder.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <vector>

#include "formats/base/file.hpp"
#include "formats/base/handle.hpp"

namespace server {
namespace {

namespace fs = std::filesystem;
using formats::File;

constexpr mode_t passage = 0711, rights_of_others = 077;
constexpr std::size_t deepest = 4;  // jobs/<id>/out/<file>; below are trees of builds, which others own

using Path = std::vector<std::string>;  // below the data folder

bool is_passage(const Path& path) {
    return path.empty() || (path[0] == "jobs" && (path.size() <= 2 || (path.size() == 3 && path[2] == "work")));
}

bool is_left(const Path& path) {
    return path.size() == 1 && (path[0] == "signing-key.pub.pem" || path[0] == "signing-key.pem");
}

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

std::vector<std::string> names_in(const File& folder) {
    using Listing = formats::Handle<DIR, ::closedir>;
    const int again = ::openat(folder.descriptor(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (again < 0) fail("read the folder " + folder.name());
    const Listing listing(::fdopendir(again));
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(listing.get()))
        if (const std::string name = entry->d_name; name != "." && name != "..") names.push_back(name);
    return names;
}

// The mode of what the descriptor holds, which may be no more than a place (O_PATH).
void set_mode(const File& file, mode_t mode) {
    if (::chmod(("/proc/self/fd/" + std::to_string(file.descriptor())).c_str(), mode) != 0)
        fail("set the mode of " + file.name());
}

std::size_t close_at(const File& folder, Path& path) {
    std::size_t closed = 0;
    for (const std::string& name : names_in(folder)) {
        const int descriptor = ::openat(folder.descriptor(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (descriptor < 0) continue;  // gone meanwhile
        const File file(descriptor, folder.name() + "/" + name);
        struct stat status {};
        if (::fstat(descriptor, &status) != 0) fail("stat " + file.name());
        if (S_ISLNK(status.st_mode) || status.st_uid != ::geteuid()) continue;
        path.push_back(name);
        const bool is_folder = S_ISDIR(status.st_mode);
        const mode_t allowed = is_folder && is_passage(path) ? passage : 07777 & ~rights_of_others;
        if (!is_left(path) && (status.st_mode & 07777 & ~allowed) != 0) {
            set_mode(file, status.st_mode & allowed);
            ++closed;
        }
        if (is_folder && path.size() < deepest) closed += close_at(file, path);
        path.pop_back();
    }
    return closed;
}

}  // namespace

void prepare_data_folder(const fs::path& data) {
    fs::create_directories(data);  // those above it by the user's own umask: the sandbox passes them too
    ::umask(rights_of_others);
    if (::chmod(data.c_str(), passage) != 0) fail("set the mode of " + data.string());
}

std::size_t close_to_others(const fs::path& data) {
    const File folder(::open(data.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC), data.string());
    if (folder.descriptor() < 0) fail("open " + data.string());
    Path path;
    return close_at(folder, path);
}

}  // namespace server
