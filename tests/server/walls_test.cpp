// SPDX-License-Identifier: Apache-2.0
// The walls of each kind of worker, tried from inside: a process that is where a worker would be when its input has
// taken it over, and that does what such a one would.
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "builders/sandbox/id_range.hpp"
#include "builders/sandbox/process.hpp"
#include "formats/base/file.hpp"
#include "worker/build_walls.hpp"
#include "worker/run_conversion.hpp"

namespace {

namespace fs = std::filesystem;
using formats::File;

char secret_in_memory[] = "a key that the service has in memory";

void put(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
}

std::string text_of(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

bool opens(const fs::path& path, int how) {
    const int descriptor = ::open(path.c_str(), how | O_CLOEXEC | O_NONBLOCK, 0600);
    if (descriptor >= 0) ::close(descriptor);
    return descriptor >= 0;
}

sockaddr_un abstract_address(const std::string& name, socklen_t& size) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path + 1, sizeof address.sun_path - 2);
    size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    return address;
}

bool connects(const std::string& name) {
    const File socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    socklen_t size = 0;
    const sockaddr_un address = abstract_address(name, size);
    return ::connect(socket.descriptor(), reinterpret_cast<const sockaddr*>(&address), size) == 0;
}

// Landlock keeps abstract sockets and signals to itself since its version 6, Linux 6.12 (444: its first call).
bool kernel_scopes() {
    return ::syscall(444, nullptr, 0, 1) >= 6;
}

// A data folder with all a service has, and a process (this test's) that is the service.
struct House {
    explicit House(const fs::path& place) : data(place), job(data / "jobs/1111"), service(::getpid()) {
        for (const char* name : {"signing-key.pem", "catalog.sqlite", "store/ab/abcdef", "home/.ssh/id_ed25519",
                                 "jobs/2222/recipe.ks", "jobs/2222/out/image"})
            put(data / name, "secret");
        put(job / "request.json", "{}");
        put(job / "recipe.ks", "text\n");
        put(job / "source", "somebody's only copy");
        put(job / "events.jsonl", "{}\n");
        put(job / "worker.pid", "1 1\n");
        ::chmod(job.c_str(), 0711);
        listener = File(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "listener");
        name = "xenkiln-walls-" + std::to_string(service);
        socklen_t size = 0;
        const sockaddr_un address = abstract_address(name, size);
        EXPECT_EQ(::bind(listener.descriptor(), reinterpret_cast<const sockaddr*>(&address), size), 0);
        EXPECT_EQ(::listen(listener.descriptor(), 5), 0);
    }

    // What goes through and should not, one a line. Outside of the walls all of it does: see the last test.
    std::string holes() const {
        std::string found;
        const auto hole = [&](bool open, const std::string& what) {
            if (open) found += what + "\n";
        };
        for (const char* file : {"signing-key.pem", "catalog.sqlite", "store/ab/abcdef", "home/.ssh/id_ed25519",
                                 "jobs/2222/recipe.ks", "jobs/2222/out/image"}) {
            hole(opens(data / file, O_RDONLY), std::string("read ") + file);
            hole(opens(data / file, O_WRONLY), std::string("write ") + file);
            hole(::link((data / file).c_str(), (job / "out/link").c_str()) == 0, std::string("link ") + file);
            hole(::rename((data / file).c_str(), (job / "out/moved").c_str()) == 0, std::string("move ") + file);
        }
        opens(data / "new", O_WRONLY | O_CREAT);  // in /var/tmp, of which a build's worker has one of its own
        for (const char* folder : {"store", "releases", "jobs/2222", "jobs/2222/out"})
            hole(opens(data / folder / "new", O_WRONLY | O_CREAT), std::string("make a file in ") + folder);
        for (const char* file : {"request.json", "recipe.ks"})
            hole(opens(job / file, O_WRONLY) || ::unlink((job / file).c_str()) == 0, std::string("change ") + file);
        const std::string proc = "/proc/" + std::to_string(service);
        for (const char* file : {"environ", "mem", "maps", "root/etc/passwd", "fd/0"})
            hole(opens(fs::path(proc) / file, O_RDONLY), proc + "/" + file);
        hole(::access((proc + "/root/etc").c_str(), F_OK) == 0, proc + "/root");
        std::array<char, sizeof secret_in_memory> bytes{};
        iovec mine{bytes.data(), bytes.size()}, theirs{secret_in_memory, sizeof secret_in_memory};
        hole(::process_vm_readv(service, &mine, 1, &theirs, 1, 0) > 0, "process_vm_readv");
        hole(::ptrace(PTRACE_SEIZE, service, nullptr, nullptr) == 0, "ptrace");
        const bool own_pids = ::getpid() == 2;
        if (own_pids || kernel_scopes())
            hole(::kill(service, 0) == 0 || ::kill(service, SIGWINCH) == 0, "a signal to the service");
        if (kernel_scopes()) hole(connects(name), "an abstract socket");
        return found;
    }

    fs::path data, job;
    pid_t service;
    File listener;
    std::string name;
};

using Inside = std::function<std::string(const House&)>;

// As an ordinary user: the house's service, and below it a worker that is confined by `walls`, then says what `inside`
// finds. Returns what it said; `exit_code` is the worker's.
std::string in_worker(const std::function<void(const House&)>& walls, const Inside& inside, int* exit_code = nullptr,
                      const std::function<void(const House&)>& afterwards = {}) {
    const char* name = std::getenv("XENKILN_TEST_USER");
    const passwd* user = ::geteuid() == 0 ? ::getpwnam(name ? name : "xenkiln") : ::getpwuid(::geteuid());
    if (!user) return "started by root without a user to become; run packaging/service-user";
    std::string place = "/var/tmp/walls_test.XXXXXX";
    if (!::mkdtemp(place.data())) return "no folder for the test";
    ::chmod(place.c_str(), 0711);
    if (::geteuid() == 0 && ::chown(place.c_str(), user->pw_uid, user->pw_gid) != 0) return "no chown";
    std::array<int, 2> said{};
    if (::pipe2(said.data(), O_CLOEXEC) != 0) return "no pipe";
    const pid_t service = ::fork();
    if (service == 0) {
        if (::geteuid() == 0 && (::initgroups(user->pw_name, user->pw_gid) != 0 || ::setgid(user->pw_gid) != 0 ||
                                 ::setuid(user->pw_uid) != 0))
            ::_exit(99);
        ::prctl(PR_SET_DUMPABLE, 1);  // as a program that this user started
        const House house(place);
        std::array<int, 2> lifeline{};
        if (::pipe2(lifeline.data(), O_CLOEXEC) != 0) ::_exit(98);
        const auto say = [&](const std::string& text) {
            [[maybe_unused]] const auto sent = ::write(said[1], text.data(), text.size());
        };
        const pid_t worker = ::fork();
        if (worker == 0) {
            ::dup2(lifeline[0], 0);
            ::close(lifeline[1]);
            int code = 0;
            try {
                walls(house);
                say(inside(house));
            } catch (const std::exception& error) {
                say(std::string("threw: ") + error.what());
                code = 97;
            }
            ::_exit(code);
        }
        int status = 0;
        ::waitpid(worker, &status, 0);
        for (const char* folder : {"", "store", "jobs/2222", "jobs/2222/out"})
            if (fs::exists(house.data / folder / "new")) say(std::string("there is a new file in ") + folder + "\n");
        if (afterwards) afterwards(house);
        ::_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
    }
    ::close(said[1]);
    std::string text;
    std::array<std::byte, 4096> buffer{};
    const File from(said[0], "pipe");
    while (const std::size_t got = from.read(buffer)) text.append(reinterpret_cast<char*>(buffer.data()), got);
    int status = 0;
    ::waitpid(service, &status, 0);
    if (exit_code) *exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    fs::remove_all(place);
    return text;
}

void build_walls(const House& house) {
    worker::confine_build(house.job, {}, {});
}
void conversion_walls(const House& house) {
    if (!worker::confine_conversion(house.job)) throw std::runtime_error("this kernel has no Landlock");
}

std::string work_and_out(const House& house) {
    for (const char* name : {"work", "out"}) {
        std::error_code none;
        fs::create_directory(house.job / name, none);
        if (!opens(house.job / name / "image", O_RDWR | O_CREAT)) return std::string("cannot write into ") + name;
    }
    return opens(house.job / "request.json", O_RDONLY) ? "" : "cannot read the request";
}

TEST(Walls, of_a_build_have_no_hole) {
    int code = -1;
    EXPECT_EQ(in_worker(
                  build_walls, [](const House& house) { return work_and_out(house) + house.holes(); }, &code),
              "");
    EXPECT_EQ(code, 0);
}

TEST(Walls, of_a_conversion_have_no_hole) {
    int code = -1;
    EXPECT_EQ(in_worker(
                  conversion_walls, [](const House& house) { return work_and_out(house) + house.holes(); }, &code),
              "");
    EXPECT_EQ(code, 0);
}

TEST(Walls, a_builds_worker_sees_no_name_and_no_process_of_the_machine) {
    const std::string seen = in_worker(build_walls, [](const House& house) {
        std::string found;
        for (const char* path : {"/home", "/root", "/run", "/boot", "/srv", "/opt", "/etc/shadow", "/var/lib"})
            if (fs::exists(path)) found += std::string(path) + "\n";
        for (const auto& entry : fs::directory_iterator(house.data))
            if (entry.path() != house.data / "jobs") found += entry.path().string() + "\n";
        for (const auto& entry : fs::directory_iterator("/proc"))
            if (const std::string name = entry.path().filename(); name.find_first_not_of("0123456789") == name.npos)
                found += name == "1" || name == std::to_string(::getpid()) ? "" : "process " + name + "\n";
        return found;
    });
    EXPECT_EQ(seen, "");
}

TEST(Walls, a_builds_worker_cannot_take_its_walls_down) {
    const std::string done = in_worker(build_walls, [](const House&) {
        std::string found;
        for (const char* path : {"/usr", "/proc", "/tmp", "/"})
            if (::umount2(path, MNT_DETACH) == 0) found += std::string("unmounted ") + path + "\n";
        if (::mount("none", "/tmp", "tmpfs", 0, nullptr) == 0) found += "mounted\n";
        if (::mount(nullptr, "/usr", nullptr, MS_REMOUNT | MS_BIND, nullptr) == 0) found += "made /usr writable\n";
        if (::chroot("/tmp") == 0) found += "chroot\n";
        if (::setuid(0) == 0) found += "became root\n";
        return found;
    });
    EXPECT_EQ(done, "");
}

TEST(Walls, the_sandbox_of_a_build_still_starts_behind_them) {
    const std::string said = in_worker(build_walls, [](const House& house) {
        fs::create_directory(house.job / "tree");
        builders::capture(builders::in_id_range({"chown", "1:1", (house.job / "tree").string()}));
        struct stat status {};
        ::stat((house.job / "tree").c_str(), &status);
        return std::string(status.st_uid != ::geteuid() ? "its own user" : "nobody else's");
    });
    EXPECT_EQ(said, "its own user");
}

TEST(Walls, what_a_builds_worker_leaves_is_handed_on_and_nothing_else) {
    int code = -1;
    std::string left;
    in_worker(
        build_walls,
        [](const House& house) {
            put(house.job / "out/image", "bytes");
            put(house.job / "result.json", "{}");
            put(house.job / "worker.pid", "1 1\n");
            put(house.job / "events.jsonl", "lies\n");
            return std::string();
        },
        &code,
        [](const House& house) {
            if (text_of(house.job / "out/image") != "bytes" || text_of(house.job / "result.json") != "{}") ::_exit(60);
            if (text_of(house.job / "events.jsonl") != "{}\n") ::_exit(61);
            if (fs::exists(house.job / "walls")) ::_exit(62);
        });
    EXPECT_EQ(code, 0);
}

TEST(Walls, a_folder_that_is_a_symlink_into_the_house_is_not_handed_on) {
    int code = -1;
    in_worker(
        build_walls,
        [](const House& house) {
            fs::create_symlink(house.data / "store", house.job / "out");
            return std::string();
        },
        &code,
        [](const House& house) {
            if (fs::is_symlink(house.job / "out")) ::_exit(60);
        });
    EXPECT_EQ(code, 1);
}

TEST(Walls, a_builds_worker_takes_everything_it_started_with_it) {
    int code = -1;
    const std::string beat = in_worker(
        build_walls,
        [](const House& house) {
            if (::fork() == 0) {
                ::setsid();
                for (const int signal : {SIGTERM, SIGHUP}) ::signal(signal, SIG_IGN);
                ::sleep(2);
                put(house.job / "work/alive", "yes");
                ::_exit(0);
            }
            return std::string();
        },
        &code,
        [](const House& house) {
            ::sleep(3);
            if (fs::exists(house.job / "work/alive") || fs::exists(house.job / "walls/room/work/alive")) ::_exit(60);
        });
    EXPECT_EQ(code, 0);
}

TEST(Walls, the_probes_find_what_is_open_where_there_are_none) {
    const std::string found = in_worker([](const House&) {}, [](const House& house) { return house.holes(); });
    std::vector<std::string> expected{"read signing-key.pem", "write catalog.sqlite", "make a file in store",
                                      "change recipe.ks", "/root"};
    if (kernel_scopes()) expected.insert(expected.end(), {"a signal to the service", "an abstract socket"});
    for (const std::string& what : expected)
        EXPECT_NE(found.find(what), std::string::npos) << what << " is not among what was found:\n" << found;
}

}  // namespace
