// SPDX-License-Identifier: Apache-2.0
#include "server/store/store.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <stdexcept>
#include <system_error>
#include <vector>

namespace server::store {
namespace {

bool same_content(const formats::File& a, const formats::File& b) {
    const std::uint64_t size = a.size();
    if (b.size() != size) return false;
    std::vector<std::byte> of_a(std::size_t{1} << 20), of_b(of_a.size());
    for (std::uint64_t at = 0; at < size; at += of_a.size()) {
        const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(of_a.size(), size - at));
        a.read_at(at, std::span(of_a).first(part));
        b.read_at(at, std::span(of_b).first(part));
        if (!std::ranges::equal(std::span(of_a).first(part), std::span(of_b).first(part))) return false;
    }
    return true;
}

}  // namespace

namespace fs = std::filesystem;
using formats::Sha256;

Store::Store(fs::path folder) : folder_(std::move(folder)) {
    fs::create_directories(folder_);
}

fs::path Store::path(const Sha256& digest) const {
    return folder_ / digest.hex().substr(0, 2) / digest.hex();
}

bool Store::contains(const Sha256& digest) const {
    return fs::exists(path(digest));
}

bool Store::adopt(const formats::File& file, const Sha256& digest) {
    const fs::path target = path(digest);
    if (fs::create_directories(target.parent_path())) formats::sync_folder(folder_);
    const std::string opened = "/proc/self/fd/" + std::to_string(file.descriptor());
    const bool added = ::linkat(AT_FDCWD, opened.c_str(), AT_FDCWD, target.c_str(), AT_SYMLINK_FOLLOW) == 0;
    if (!added && errno != EEXIST)
        throw std::system_error(errno, std::generic_category(), "store " + file.name() + " as " + target.string());
    if (!added && !same_content(formats::File::open_read(target), file))
        throw std::runtime_error("the store's " + target.string() + " does not have the content of its digest, which " +
                                 file.name() + " has: it is damaged");
    formats::sync_folder(target.parent_path());
    return added;
}

void Store::remove(const Sha256& digest) {
    fs::remove(path(digest));
}

std::vector<Sha256> Store::digests() const {
    std::vector<Sha256> found;
    for (const auto& entry : fs::recursive_directory_iterator(folder_))
        if (const auto digest = Sha256::parse(entry.path().filename().string());
            digest && fs::is_regular_file(entry.symlink_status()))
            found.push_back(*digest);
    return found;
}

}  // namespace server::store
