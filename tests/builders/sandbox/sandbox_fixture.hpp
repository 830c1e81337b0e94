// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the tests of the sandbox share: an ordinary user to be, and a tree small enough to be made in
// a moment and large enough to attack from.
#include <grp.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <string>

#include "builders/sandbox/id_range.hpp"
#include "builders/sandbox/sandbox.hpp"

namespace sandbox_fixture {

namespace fs = std::filesystem;
using builders::Command;
using builders::Sandbox;

inline std::string output_of(Sandbox& sandbox, const std::string& script, int* exit_code = nullptr) {
    std::string text;
    Command command;
    command.argv = {"sh", "-c", script};
    const auto outcome = sandbox.run_tool(command, builders::Network::none, {},
                                          [&](std::string_view line) { text.append(line).append("\n"); });
    if (exit_code) *exit_code = outcome.exit_code;
    return text;
}

// Runs the body in a process of an ordinary user: builds never run as root, so neither do their tests.
inline void as_ordinary_user(const std::function<void(const fs::path&)>& body) {
    const char* name = std::getenv("XENKILN_TEST_USER");
    const passwd* user = ::geteuid() == 0 ? ::getpwnam(name ? name : "xenkiln") : ::getpwuid(::geteuid());
    if (!user) GTEST_SKIP() << "started by root without a user to become; run packaging/service-user";
    const fs::path work = fs::path("/var/tmp") / ("sandbox_test." + std::to_string(::getpid()));
    fs::create_directory(work);
    ASSERT_EQ(::chown(work.c_str(), user->pw_uid, user->pw_gid), 0);
    ::chmod(work.c_str(), 0711);
    const pid_t child = ::fork();
    if (child == 0) {
        if (::geteuid() == 0 &&
            (::setgroups(0, nullptr) != 0 || ::setgid(user->pw_gid) != 0 || ::setuid(user->pw_uid) != 0))
            ::_exit(99);
        try {
            body(work);
        } catch (const std::exception& error) {
            ADD_FAILURE() << error.what();
        }
        try {
            builders::remove_tree(work / "tree");
        } catch (const std::exception& error) {
            ADD_FAILURE() << error.what();
        }
        std::fflush(nullptr);
        ::_exit(testing::Test::HasFailure() ? 1 : 0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0) << "the part that ran as " << user->pw_name << " failed; see above";
    std::error_code ignored;
    fs::remove_all(work, ignored);
}

// A tree with a shell, a dozen tools and perl (any system call by number) from the host.
inline void make_small_tree(Sandbox& sandbox) {
    int code = 0;
    const std::string said =
        output_of(sandbox,
                  "set -e; cd /tree; mkdir -p usr/bin usr/sbin usr/lib usr/lib64 etc tmp proc dev run var/tmp root; "
                  "for d in bin sbin lib lib64; do ln -s usr/$d $d; done; "
                  "for p in sh ls cat id mkdir mknod mount ln rm sleep touch chmod grep setsid perl dd env head; do "
                  "cp -L /usr/bin/$p usr/bin/; ldd /usr/bin/$p | grep -o '/[^ ]*' | while read l; do "
                  "r=$(readlink -f $(dirname $l)); mkdir -p .$r; cp -Lu $l .$r/; done; done 2>&1",
                  &code);
    if (code != 0) throw std::runtime_error("no small tree: " + said);
}

// The same as output_of, but inside the tree and behind the filter: where %post runs.
inline std::string in_tree(Sandbox& sandbox, const std::string& script, int* exit_code = nullptr,
                           builders::Network network = builders::Network::none) {
    std::string text;
    Command command;
    command.argv = {"sh", "-c", script};
    command.environment = builders::plain_environment();
    command.environment["LANG"] = "C";  // the small tree has no other
    const auto outcome =
        sandbox.run_in_tree(command, network, [&](std::string_view line) { text.append(line).append("\n"); });
    if (exit_code) *exit_code = outcome.exit_code;
    return text;
}

}  // namespace sandbox_fixture
