// SPDX-License-Identifier: Apache-2.0
#include "worker/worker_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <optional>
#include <span>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "formats/base/workers.hpp"
#include "formats/stream/digest.hpp"

namespace worker {
namespace {

namespace fs = std::filesystem;
using formats::DigestKind;
using formats::File;

constexpr std::size_t piece = std::size_t{1} << 20;

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

struct stat status_of(const File& file) {
    struct stat status {};
    if (::fstat(file.descriptor(), &status) != 0) fail("stat " + file.name());
    return status;
}

enum class Lease { granted, refused, unknown };

// A process that has just died may still be giving its files back.
Lease lease(const File& file) {
    using namespace std::chrono_literals;
    // The signal of a broken lease would otherwise be SIGIO, which ends this process.
    if (::fcntl(file.descriptor(), F_SETSIG, SIGURG) != 0) return Lease::unknown;
    for (int round = 0; round < 20; ++round) {
        if (::fcntl(file.descriptor(), F_SETLEASE, F_RDLCK) == 0) return Lease::granted;
        if (errno != EAGAIN) return Lease::unknown;
        std::this_thread::sleep_for(20ms);
    }
    return Lease::refused;
}

std::string digest_of(const File& file, std::uint64_t size, DigestKind kind) {
    formats::Digest digest(kind);
    std::vector<std::byte> buffer(piece);
    for (std::uint64_t at = 0; at < size; at += piece) {
        const auto part = std::span(buffer).first(static_cast<std::size_t>(std::min<std::uint64_t>(piece, size - at)));
        file.read_at(at, part);
        digest.update(part);
    }
    return digest.finish_hex();
}

}  // namespace

File open_folder(const fs::path& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (descriptor < 0) fail("open the folder " + path.string());
    return {descriptor, path.string()};
}

File open_plain(const File& folder, const std::string& name, std::uint64_t most) {
    const std::string named = folder.name() + "/" + name;
    if (name.empty() || name.starts_with('.') || name.find('/') != std::string::npos)
        throw std::runtime_error("'" + name + "' is not a plain file name");
    const int descriptor =
        ::openat(folder.descriptor(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (descriptor < 0 && errno == ELOOP) throw std::runtime_error(named + " is a link, not a file");
    if (descriptor < 0) fail("open " + named);
    File file(descriptor, named);
    const struct stat status = status_of(file);
    if (!S_ISREG(status.st_mode)) throw std::runtime_error(named + " is not a regular file");
    if (status.st_uid != ::geteuid())
        throw std::runtime_error(named + " belongs to user " + std::to_string(status.st_uid) + ", not to " +
                                 std::to_string(::geteuid()));
    if (status.st_nlink != 1)
        throw std::runtime_error(named + " has " + std::to_string(status.st_nlink) + " names, not one");
    if (static_cast<std::uint64_t>(status.st_size) > most)
        throw std::runtime_error(named + " has " + std::to_string(status.st_size) + " bytes, more than " +
                                 std::to_string(most));
    return file;
}

File open_product(const File& folder, const std::string& name, const fs::path& spare) {
    File file = open_plain(folder, name, UINT64_MAX);
    if (::fchmod(file.descriptor(), status_of(file).st_mode & 0444) != 0) fail("forbid writing " + file.name());
    switch (lease(file)) {
        case Lease::refused:
            throw std::runtime_error(file.name() + " is still open for writing");
        case Lease::unknown:
            file = unnamed_copy(file, file.size(), spare);
            break;
        case Lease::granted:
            break;
    }
    file.sync();
    return file;
}

File unnamed_copy(const File& file, std::uint64_t size, const fs::path& folder) {
    const int descriptor = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (descriptor < 0) fail("copy " + file.name() + " to " + folder.string());
    File copy(descriptor, file.name());
    std::vector<std::byte> buffer(piece);
    for (std::uint64_t at = 0; at < size; at += piece) {
        const auto part = std::span(buffer).first(static_cast<std::size_t>(std::min<std::uint64_t>(piece, size - at)));
        file.read_at(at, part);
        copy.write_at(at, part);
    }
    if (::fchmod(descriptor, status_of(file).st_mode & 0444) != 0) fail("forbid writing " + file.name());
    return copy;
}

std::vector<Measured> measure(const std::vector<File>& files) {
    std::vector<std::uint64_t> sizes;
    for (const File& file : files) sizes.push_back(file.size());
    std::vector<std::string> found(2 * files.size());
    formats::Workers(0).each(found.size(), [&](std::size_t i) {
        found[i] = digest_of(files[i / 2], sizes[i / 2], i % 2 == 0 ? DigestKind::sha256 : DigestKind::md5);
    });
    std::vector<Measured> measured;
    for (std::size_t i = 0; i < files.size(); ++i)
        measured.push_back({sizes[i], formats::Sha256::of(found[2 * i], files[i].name()),
                            formats::Md5::of(found[2 * i + 1], files[i].name())});
    return measured;
}

void require_sealed(const File& product) {
    const int held = ::fcntl(product.descriptor(), F_GETLEASE);
    const bool copied = (::fcntl(product.descriptor(), F_GETFL) & O_ACCMODE) == O_RDWR;
    if (!copied && held != F_RDLCK) throw std::runtime_error(product.name() + " was opened for writing meanwhile");
}

}  // namespace worker
