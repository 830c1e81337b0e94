// SPDX-License-Identifier: Apache-2.0
#pragma once
// A disk that is really full, without root: a tmpfs of a few pages in a mount namespace of a process of its own.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "tests/support/judges.hpp"

namespace support {

constexpr int cannot_be_made = 77;

inline bool put_line(const char* file, const std::string& line) {
    std::ofstream out(file);
    out << line << std::flush;
    return out.good();
}

inline bool mount_small_disk(const std::filesystem::path& place, std::uint64_t bytes) {
    const std::string user = "0 " + std::to_string(::geteuid()) + " 1",
                      group = "0 " + std::to_string(::getegid()) + " 1";
    if (::geteuid() != 0 || ::unshare(CLONE_NEWNS) != 0) {
        if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
        put_line("/proc/self/setgroups", "deny");
        if (!put_line("/proc/self/uid_map", user) || !put_line("/proc/self/gid_map", group)) return false;
    }
    const std::string size = "size=" + std::to_string(bytes);
    return ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
           ::mount("tmpfs", place.c_str(), "tmpfs", 0, size.c_str()) == 0;
}

// Runs `act` with such a disk's folder; expectations that fail in it fail the test. Returns why that cannot be done on
// this host (then the test skips), or nothing.
inline std::string on_a_small_disk(std::uint64_t bytes,
                                   const std::function<void(const std::filesystem::path& folder)>& act) {
    const TemporaryFolder place;
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
        if (!mount_small_disk(place.path(), bytes)) ::_exit(cannot_be_made);
        try {
            act(place.path());
        } catch (const std::exception& error) {
            ADD_FAILURE() << error.what();
        }
        std::fflush(nullptr);
        ::_exit(testing::Test::HasFailure() ? 1 : 0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == cannot_be_made)
        return "this host lets nobody mount a tmpfs in a namespace";
    EXPECT_EQ(status, 0) << "what failed stands above";
    return {};
}

// Until only `left` bytes are free there; the file's name is "filler".
inline void fill(const std::filesystem::path& folder, std::uint64_t left = 0) {
    struct statvfs status {};
    ASSERT_EQ(::statvfs(folder.c_str(), &status), 0);
    const std::uint64_t free = status.f_bavail * status.f_bsize;
    const std::string bytes(free > left ? free - left : 0, 'f');
    std::ofstream out(folder / "filler", std::ios::binary);
    out << bytes << std::flush;
    ASSERT_TRUE(out.good());
}

inline std::size_t entries(const std::filesystem::path& folder) {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++count;
    return count;
}

// The errno of the std::system_error that it throws; 0 when it does not.
inline int error_of(const std::function<void()>& act) {
    try {
        act();
    } catch (const std::system_error& error) {
        return error.code().value();
    }
    return 0;
}

}  // namespace support
