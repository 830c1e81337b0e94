// SPDX-License-Identifier: Apache-2.0
#include "builders/sandbox/view_mounts.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "builders/job/errors.hpp"
#include "formats/base/file.hpp"

namespace builders {
namespace {

namespace fs = std::filesystem;

// mount_setattr(2), Linux 5.12; the C library's header may be older than the kernel.
constexpr long mount_setattr_call = 442;
constexpr unsigned recursive = 0x8000;
constexpr std::uint64_t attr_rdonly = 1, attr_nosuid = 2, attr_nodev = 4, attr_noexec = 8;
struct MountAttributes {
    std::uint64_t set, clear, propagation, userns_fd;
};

// Enough of /etc for names, TLS, package tools and their addresses. Passwords of services, keys and the like are not.
constexpr std::array shown_of_etc{"alternatives",
                                  "apt",
                                  "ca-certificates",
                                  "ca-certificates.conf",
                                  "crypto-policies",
                                  "debian_version",
                                  "dnf",
                                  "dpkg",
                                  "gai.conf",
                                  "host.conf",
                                  "hosts",
                                  "ld.so.cache",
                                  "ld.so.conf",
                                  "ld.so.conf.d",
                                  "localtime",
                                  "login.defs",
                                  "machine-id",
                                  "mke2fs.conf",
                                  "nsswitch.conf",
                                  "os-release",
                                  "pki",
                                  "protocols",
                                  "resolv.conf",
                                  "rpm",
                                  "services",
                                  "ssl",
                                  "yum.repos.d"};

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

void do_mount(const char* source, const fs::path& target, const char* type, unsigned long flags, const char* data) {
    if (::mount(source, target.c_str(), type, flags, data) != 0) fail("mount on " + target.string());
}

void set_attributes(const fs::path& mount, std::uint64_t attributes) {
    const MountAttributes wanted{attributes, 0, 0, 0};
    if (::syscall(mount_setattr_call, AT_FDCWD, mount.c_str(), recursive, &wanted, sizeof wanted) == 0) return;
    if (errno == ENOSYS)
        throw HostNotReady("a build's worker needs a kernel that has mount_setattr, Linux 5.12 or newer");
    fail("set what may be done below " + mount.string());
}

class Mounts {
public:
    explicit Mounts(const WorkerView& view) : view_(view), root_(view.root) {}

    void make(const SubordinateIds& ids) {
        do_mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
        do_mount("view", root_, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=16m,nr_inodes=4096");
        system();
        users(ids);
        devices();
        folder(root_ / "proc");
        if (::mount("proc", (root_ / "proc").c_str(), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0)
            throw HostNotReady("a build's worker cannot have a /proc of its own (" +
                               std::system_category().message(errno) +
                               "); in a container parts of /proc may be masked: allow it with --security-opt "
                               "systempaths=unconfined");
        for (const char* temporary : {"/tmp", "/var/tmp"}) {
            folder(view_.room / "tmp");
            bind(view_.room / "tmp", temporary, 0, attr_nosuid | attr_nodev);
        }
        bind(view_.room, view_.folder, 0, attr_nosuid | attr_nodev);
        for (const fs::path& path : view_.readable) {
            show(path);
            if (std::error_code none; fs::is_symlink(path, none)) show(fs::canonical(path));
        }
        if (!view_.control_group.empty())
            bind(view_.control_group, view_.control_group, 0, attr_nosuid | attr_nodev | attr_noexec);
    }

    void enter() {
        folder(root_ / ".outside");
        if (::syscall(SYS_pivot_root, root_.c_str(), (root_ / ".outside").c_str()) != 0) fail("pivot_root");
        if (::chdir("/") != 0) fail("go to /");
        if (::umount2("/.outside", MNT_DETACH) != 0) fail("leave what is outside of the view");
        if (::rmdir("/.outside") != 0) fail("rmdir /.outside");
        do_mount(nullptr, "/", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, nullptr);
    }

private:
    fs::path inside(const fs::path& path) const { return root_ / path.relative_path(); }

    static void folder(const fs::path& path) {
        if (fs::exists(path)) return;
        folder(path.parent_path());
        if (::mkdir(path.c_str(), 0755) != 0) fail("mkdir " + path.string());
        ::chmod(path.c_str(), 0755);  // whatever the umask is: the sandbox's user passes here
    }

    static void file(const fs::path& path, const std::string& text) {
        const formats::File made = formats::File::create(path, 0644);
        ::fchmod(made.descriptor(), 0644);
        made.write(std::as_bytes(std::span(text)));
    }

    void bind(const fs::path& from, const fs::path& to, unsigned long deep, std::uint64_t attributes) {
        const fs::path target = inside(to);
        if (fs::is_directory(from)) {
            folder(target);
        } else if (!fs::exists(target)) {
            folder(target.parent_path());
            file(target, "");
        }
        do_mount(from.c_str(), target, nullptr, MS_BIND | deep, nullptr);
        set_attributes(target, attributes);
    }

    // With all that is mounted below: to leave that out would show what it covers, and the kernel forbids it.
    void show(const fs::path& path) {
        if (std::error_code none; fs::exists(path, none))
            bind(path, path, MS_REC, attr_rdonly | attr_nosuid | attr_nodev);
    }

    void system() {
        show("/usr");
        for (const char* name : {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"}) {
            std::error_code none;
            if (fs::is_symlink(name, none))
                fs::create_symlink(fs::read_symlink(name), inside(name));
            else
                show(name);
        }
        for (const char* name : shown_of_etc) show(fs::path("/etc") / name);
        for (const char* path : {"/sys/devices/system", "/sys/fs/cgroup"}) show(path);
    }

    // Who maps subordinate ids is looked up here, and nobody else is.
    void users(const SubordinateIds& ids) {
        folder(root_ / "etc");
        const std::string user = std::to_string(::geteuid()), group = std::to_string(::getegid());
        file(root_ / "etc/passwd", "root:x:0:0:root:/tmp:/bin/sh\n" + ids.user + ":x:" + user + ":" + group +
                                       "::/tmp:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n");
        file(root_ / "etc/group", "root:x:0:\n" + ids.user + ":x:" + group + ":\nnogroup:x:65534:\n");
        const auto lines = [&](const std::vector<IdRange>& ranges) {
            std::string text;
            for (const IdRange& range : ranges)
                text += ids.user + ":" + std::to_string(range.first) + ":" + std::to_string(range.count) + "\n";
            return text;
        };
        file(root_ / "etc/subuid", lines(ids.users));
        file(root_ / "etc/subgid", lines(ids.groups));
    }

    void devices() {
        folder(root_ / "dev");
        for (const char* name : {"null", "zero", "full", "random", "urandom", "tty", "kvm"})
            if (const fs::path path = fs::path("/dev") / name; fs::exists(path))
                bind(path, path, 0, attr_nosuid | attr_noexec);
        const std::array<std::pair<const char*, const char*>, 4> links{{{"fd", "/proc/self/fd"},
                                                                        {"stdin", "/proc/self/fd/0"},
                                                                        {"stdout", "/proc/self/fd/1"},
                                                                        {"stderr", "/proc/self/fd/2"}}};
        for (const auto& [name, target] : links) fs::create_symlink(target, root_ / "dev" / name);
        folder(root_ / "dev/shm");
        do_mount("shm", root_ / "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777,size=64m");
    }

    const WorkerView& view_;
    fs::path root_;
};

}  // namespace

void mount_view(const WorkerView& view, const SubordinateIds& ids) {
    Mounts mounts(view);
    mounts.make(ids);
    mounts.enter();
}

}  // namespace builders
