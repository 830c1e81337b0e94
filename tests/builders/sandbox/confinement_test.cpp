// SPDX-License-Identifier: Apache-2.0
#include "builders/sandbox/confinement.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <new>
#include <thread>

#include "builders/sandbox/sandbox_filter.hpp"

namespace {

namespace fs = std::filesystem;

class Confinement : public testing::Test {
protected:
    Confinement() {
        fs::remove_all(folder);
        fs::create_directories(folder / "job");
        std::ofstream(folder / "key.pem") << "secret";
        std::ofstream(folder / "job/source") << "image";
        fs::create_directory(folder / "job/out");
    }
    ~Confinement() override { fs::remove_all(folder); }

    // What walls do is for good: each test does it in a child. The exit code says which check failed first.
    template <class Work>
    static int in_child(Work work) {
        const pid_t child = ::fork();
        if (child == 0) {
            int code = 99;
            try {
                code = work();
            } catch (...) {
            }
            ::_exit(code);
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    static bool opens(const fs::path& path, int how) {
        const int descriptor = ::open(path.c_str(), how | O_CLOEXEC, 0600);
        if (descriptor >= 0) ::close(descriptor);
        return descriptor >= 0;
    }

    fs::path folder = fs::path(testing::TempDir()) / ("confinement_test." + std::to_string(::getpid()));
};

constexpr int no_landlock = 77;

TEST_F(Confinement, what_is_not_named_cannot_be_read_or_written) {
    const int code = in_child([&] {
        if (!builders::confine_files({folder / "job/out"}, {"/etc", folder / "job"})) return no_landlock;
        int wrong = 0;
        std::thread([&] {  // a thread that comes later is behind the same walls
            if (opens(folder / "key.pem", O_RDONLY)) wrong = 1;
        })
            .join();
        if (wrong) return wrong;
        if (opens(folder / "key.pem", O_WRONLY)) return 2;
        if (opens(folder / "new", O_WRONLY | O_CREAT)) return 3;
        if (opens("/proc/self/environ", O_RDONLY)) return 4;
        if (opens("/etc/passwd", O_WRONLY)) return 5;
        if (::link((folder / "key.pem").c_str(), (folder / "job/out/key").c_str()) == 0) return 6;
        if (::rename((folder / "key.pem").c_str(), (folder / "job/out/key").c_str()) == 0) return 7;
        if (::unlink((folder / "key.pem").c_str()) == 0) return 8;
        if (!opens("/etc/passwd", O_RDONLY)) return 10;
        if (!opens(folder / "job/source", O_RDONLY)) return 11;
        if (opens(folder / "job/source", O_WRONLY) || opens(folder / "job/new", O_WRONLY | O_CREAT)) return 9;
        if (!opens(folder / "job/out", O_TMPFILE | O_RDWR)) return 12;
        if (::mkdir((folder / "job/out/deeper").c_str(), 0700) != 0) return 13;
        if (!opens(folder / "job/out/image", O_RDWR | O_CREAT | O_TRUNC)) return 14;
        if (::rename((folder / "job/out/image").c_str(), (folder / "job/out/image2").c_str()) != 0) return 15;
        if (::unlink((folder / "job/out/image2").c_str()) != 0) return 16;
        return 0;
    });
    if (code == no_landlock) GTEST_SKIP() << "this kernel has no Landlock";
    EXPECT_EQ(code, 0);
}

TEST_F(Confinement, there_is_no_network_and_no_other_program_in_any_thread) {
    const int code = in_child([] {
        const int before = ::socket(AF_INET, SOCK_STREAM, 0);
        if (before < 0) return 1;
        std::atomic<bool> walled = false;
        std::atomic<int> in_thread = 0;
        std::thread early([&] {  // a thread that was there before is behind the walls, too
            while (!walled) std::this_thread::yield();
            if (::socket(AF_INET, SOCK_STREAM, 0) >= 0) in_thread = 2;
        });
        builders::refuse_network_and_programs();
        walled = true;
        early.join();
        if (in_thread != 0) return in_thread.load();
        for (const int family : {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK})
            if (::socket(family, SOCK_STREAM, 0) >= 0 || errno != EPERM) return 3;
        sockaddr_in somewhere{};
        somewhere.sin_family = AF_INET;
        somewhere.sin_port = htons(9);
        somewhere.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(before, reinterpret_cast<sockaddr*>(&somewhere), sizeof somewhere) == 0 || errno != EPERM)
            return 4;
        ::execl("/bin/true", "true", nullptr);
        if (errno != EPERM) return 5;
        std::thread([] {}).join();  // threads are still made
        return 0;
    });
    EXPECT_EQ(code, 0);
}

TEST_F(Confinement, a_file_that_grows_too_large_is_an_error_of_the_write) {
    const int code = in_child([&] {
        builders::limit_file_size(4096);
        const int file = ::open((folder / "job/large").c_str(), O_WRONLY | O_CREAT, 0600);
        const std::string bytes(8192, 'x');
        if (::pwrite(file, bytes.data(), 4096, 0) != 4096) return 1;
        return ::pwrite(file, bytes.data(), 1, 4096) == -1 && errno == EFBIG ? 0 : 2;
    });
    EXPECT_EQ(code, 0);
}

TEST_F(Confinement, memory_beyond_the_limit_is_not_given) {
    if (builders::with_sanitizer) GTEST_SKIP() << "a sanitizer's shadow is memory, too";
    const int code = in_child([] {
        if (!builders::limit_memory(std::uint64_t{256} << 20)) return 1;
        const std::unique_ptr<char[]> much(new (std::nothrow) char[std::size_t{1} << 30]);
        return much ? 2 : 0;
    });
    EXPECT_EQ(code, 0);
}

}  // namespace
