// SPDX-License-Identifier: Apache-2.0
#include "builders/guest/appliance.hpp"

#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "builders/job/errors.hpp"
#include "builders/sandbox/process.hpp"
#include "formats/base/whole_file.hpp"

namespace builders {
namespace {

namespace fs = std::filesystem;

constexpr const char* fixed_mark = "README.fixed";  // guestfs(3), "FIXED APPLIANCE"

void check_kernel() {
    std::error_code none;
    bool any = false;
    for (const auto& entry : fs::directory_iterator("/boot", none)) {
        if (!entry.path().filename().string().starts_with("vmlinuz-")) continue;
        any = true;
        if (::access(entry.path().c_str(), R_OK) == 0) return;
    }
    throw HostNotReady(any ? "the kernels under /boot cannot be read, and libguestfs needs one; allow it with: sudo "
                             "chmod 0644 /boot/vmlinuz-*"
                           : "there is no kernel under /boot, and libguestfs needs one; install it with: sudo apt "
                             "install linux-image-amd64");
}

std::string machine() {
    utsname system{};
    ::uname(&system);
    return system.machine;
}

std::vector<fs::path> places() {
    std::vector<fs::path> found;
    const char* named = std::getenv("LIBGUESTFS_PATH");
    std::istringstream parts(named ? named : "");
    for (std::string part; std::getline(parts, part, ':');)
        if (!part.empty()) found.emplace_back(part);
    for (const std::string& folder : {"/usr/lib/" + machine() + "-linux-gnu/guestfs", std::string("/usr/lib64/guestfs"),
                                      std::string("/usr/lib/guestfs"), std::string("/usr/local/lib/guestfs")})
        found.emplace_back(folder);
    return found;
}

// As libguestfs names it. /var/tmp is everybody's: another user may have been first.
fs::path cache_folder() {
    fs::path base = "/var/tmp";
    for (const char* name : {"TMPDIR", "LIBGUESTFS_CACHEDIR"})
        if (const char* value = std::getenv(name); value && *value) base = value;
    fs::path folder = base / (".guestfs-" + std::to_string(::geteuid()));
    ::mkdir(folder.c_str(), 0755);
    struct stat status {};
    if (::lstat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) || status.st_uid != ::geteuid() ||
        (status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        throw HostNotReady(folder.string() +
                           ", where libguestfs keeps its appliance, is not a folder that only this user can write; "
                           "remove it, or name another place in LIBGUESTFS_CACHEDIR");
    return folder;
}

}  // namespace

fs::path prepare_appliance() {
    fs::path parts;
    for (const fs::path& place : places()) {
        if (fs::exists(place / fixed_mark)) return fs::canonical(place);
        if (parts.empty() && fs::exists(place / "supermin.d")) parts = place / "supermin.d";
    }
    if (parts.empty())
        throw HostNotReady(
            "libguestfs's appliance is not installed (supermin.d is in no folder named guestfs); install "
            "it with: sudo apt install libguestfs0");
    check_kernel();
    const fs::path folder = cache_folder(), appliance = folder / "appliance.d";
    Command command;
    command.argv = {"supermin",   "--build", "--if-newer", "--lock", folder / "lock", "--copy-kernel", "-f", "ext2",
                    "--host-cpu", machine(), parts,        "-o",     appliance};
    command.environment = plain_environment();
    command.environment["TMPDIR"] = folder;
    std::string said;
    if (!run(command, [&](std::string_view line) { said.append(" ").append(line); }).ok())
        throw HostNotReady("libguestfs's appliance could not be made:" + said + "; see what libguestfs-test-tool says");
    if (!fs::exists(appliance / fixed_mark))
        formats::write_whole_file(appliance / fixed_mark, "Made by supermin, used as a fixed appliance.\n");
    return fs::canonical(appliance);
}

}  // namespace builders
