// SPDX-License-Identifier: Apache-2.0
#include "builders/sandbox.hpp"

#include <pwd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <span>
#include <system_error>

#include "builders/errors.hpp"
#include "builders/sandbox_filter.hpp"
#include "builders/tree_tar.hpp"

namespace builders {
namespace {

namespace fs = std::filesystem;
using Arguments = std::vector<std::string>;

void add(Arguments& to, std::initializer_list<std::string> more) {
    to.insert(to.end(), more);
}
void append(Arguments& to, const Arguments& more) {
    to.insert(to.end(), more.begin(), more.end());
}

// What package tools need of root, as containers have it.
constexpr std::array container_capabilities{"chown",  "dac_override", "fowner",  "fsetid",     "kill",       "setgid",
                                            "setuid", "setpcap",      "setfcap", "sys_chroot", "audit_write"};

// A namespace is held to the process limit it was made under, whatever ids its processes take.
constexpr rlim_t process_limit = 2048;
const std::string memory_file_limit = std::to_string(std::uint64_t{1} << 30);  // bytes of each tmpfs

Arguments outer_namespace() {
    rlimit now{};
    ::getrlimit(RLIMIT_NPROC, &now);
    return {"prlimit",
            "--nproc=" + std::to_string(std::min(process_limit, now.rlim_max)),
            "--core=0",
            "unshare",
            "--map-auto",
            "--setuid",
            "0",
            "--setgid",
            "0",
            "--fork",
            "--kill-child",
            "--pid",
            "--mount",
            "--ipc",
            "--uts",
            "--cgroup",
            "--"};
}

Arguments bwrap() {
    return {"bwrap", "--unshare-pid"};  // without it bwrap shows the /proc of the host
}

// Device nodes without room to fill, /tmp and /run with a bound: they are memory.
void own_file_systems(Arguments& to) {
    add(to, {"--proc",          "/proc",           "--dev",    "/dev",         "--perms", "1777",    "--size",
             memory_file_limit, "--tmpfs",         "/dev/shm", "--remount-ro", "/dev",    "--perms", "1777",
             "--size",          memory_file_limit, "--tmpfs",  "/tmp",         "--perms", "0755",    "--size",
             memory_file_limit, "--tmpfs",         "/run"});
}

// What bwrap makes besides its binds is 0700 by default: other users of the view could not pass.
void open_folders(Arguments& to, std::initializer_list<const char*> folders) {
    for (const char* folder : folders) add(to, {"--perms", "0755", "--dir", folder});
}

void environment(Arguments& to, const Command& command) {
    add(to, {"--clearenv"});
    for (const auto& [name, value] : command.environment.empty() ? plain_environment() : command.environment)
        add(to, {"--setenv", name, value});
}

void read_only(Arguments& to, const fs::path& path) {
    add(to, {"--ro-bind-try", path.string(), path.string()});
}

formats::File text_file(std::string_view text) {
    formats::File file(::memfd_create("text", MFD_CLOEXEC), "text for the sandbox");
    if (file.descriptor() < 0) throw std::system_error(errno, std::generic_category(), "memfd_create");
    file.write(std::as_bytes(std::span(text)));
    ::lseek(file.descriptor(), 0, SEEK_SET);
    return file;
}

std::string user_name() {
    const passwd* entry = ::getpwuid(::geteuid());
    return entry ? entry->pw_name : std::to_string(::geteuid());
}

bool has_range(const char* file, const std::string& user) {
    std::ifstream lines(file);
    const std::string id = std::to_string(::geteuid());
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with(user + ":") || line.starts_with(id + ":")) return true;
    return false;
}

void require_program(const char* name, const char* package) {
    for (const char* folder : {"/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/"})
        if (::access((std::string(folder) + name).c_str(), X_OK) == 0) return;
    throw HostNotReady(std::string(name) + " is not installed; install it with: sudo apt install " + package);
}

// Trusted: runs only host tools on paths of ours. Its root is ourselves, and it may do to files of
// subordinate ids what root may.
Command trusted(const Arguments& argv) {
    Command command;
    command.argv = {"unshare", "--map-root-user", "--map-auto", "--"};
    command.argv.insert(command.argv.end(), argv.begin(), argv.end());
    command.environment = plain_environment();
    return command;
}

}  // namespace

void check_sandbox_available() {
    if (::geteuid() == 0)
        throw HostNotReady(
            "builds never run as root; run xenkiln as an ordinary user "
            "(packaging/service-user makes one)");
    require_program("newuidmap", "uidmap");
    require_program("bwrap", "bubblewrap");
    require_program("mmdebstrap", "mmdebstrap");
    const std::string user = user_name();
    if (!has_range("/etc/subuid", user) || !has_range("/etc/subgid", user))
        throw HostNotReady("user " + user +
                           " has no subordinate ids; add some with: sudo usermod "
                           "--add-subuids 100000-165535 --add-subgids 100000-165535 " +
                           user);
    std::string said;
    Command probe = trusted({"true"});
    if (!run(probe, [&](std::string_view line) { said.append(" ").append(line); }).ok())
        throw HostNotReady("user namespaces do not work here (" + said +
                           " ); allow them with: sudo sysctl kernel.unprivileged_userns_clone=1 "
                           "user.max_user_namespaces=10000");
}

Sandbox::Sandbox(fs::path work) : work_(std::move(work)), tree_(work_ / "tree") {
    for (fs::path folder = work_; folder.has_relative_path(); folder = folder.parent_path()) {
        struct stat status {};
        if (::stat(folder.c_str(), &status) == 0 && (status.st_mode & S_IXOTH) == 0)
            throw HostNotReady("the sandbox's user cannot pass " + folder.string() +
                               "; let it through with: chmod o+x " + folder.string());
    }
    if (!fs::create_directory(tree_)) throw StepFailed(tree_.string() + " is there already");
    capture(trusted({"chown", "1:1", tree_.string()}));  // 1: the first subordinate id
}

Outcome Sandbox::run_tool(Command command, bool network, const std::vector<fs::path>& more, const LineHandler& on_line,
                          std::stop_token stop) {
    Arguments argv = outer_namespace();
    append(argv, bwrap());
    if (!network) add(argv, {"--unshare-net"});
    open_folders(argv, {"/etc", "/etc/ssl", "/etc/apt", "/etc/apt/apt.conf.d", "/etc/dpkg", "/var", "/var/lib"});
    add(argv, {"--ro-bind", "/usr", "/usr"});
    for (const char* folder : {"bin", "sbin", "lib", "lib32", "lib64"}) {
        std::error_code none;
        const fs::path path = fs::path("/") / folder;
        if (fs::is_symlink(path, none))
            add(argv, {"--symlink", fs::read_symlink(path).string(), path.string()});
        else
            read_only(argv, path);
    }
    const formats::File users = text_file(
        "root:x:0:0:root:/tmp:/bin/sh\n_apt:x:42:65534::/nonexistent:/usr/sbin/nologin\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n");
    const formats::File groups = text_file("root:x:0:\nnogroup:x:65534:\n");
    add(argv, {"--ro-bind-data", std::to_string(users.descriptor()), "/etc/passwd", "--ro-bind-data",
               std::to_string(groups.descriptor()), "/etc/group"});
    command.keep_fds.insert(command.keep_fds.end(), {users.descriptor(), groups.descriptor()});
    for (const char* path :
         {"/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf",
          "/etc/ld.so.cache", "/etc/apt/trusted.gpg.d", "/etc/dpkg/origins", "/etc/alternatives"})
        read_only(argv, path);
    for (const fs::path& path : more) read_only(argv, path);
    own_file_systems(argv);
    add(argv, {"--bind", tree_.string(), "/tree", "--cap-add", "ALL", "--die-with-parent", "--new-session", "--chdir",
               "/tmp"});
    environment(argv, command);
    add(argv, {"--"});
    argv.insert(argv.end(), command.argv.begin(), command.argv.end());
    command.argv = std::move(argv);
    command.environment = plain_environment();
    return run(command, on_line, stop);
}

Outcome Sandbox::run_in_tree(Command command, bool network, const LineHandler& on_line, std::stop_token stop) {
    const formats::File filter = script_filter();
    Arguments argv = outer_namespace();
    // bwrap leaves the bounding set full. Dropped before it starts, it keeps its own capabilities only
    // through the inheritable set, which must be filled first.
    std::string bounding = "-all";
    for (const char* capability : container_capabilities) bounding += std::string(",+") + capability;
    add(argv, {"setpriv", "--inh-caps=+all", "--", "setpriv", "--bounding-set=" + bounding, "--"});
    append(argv, bwrap());
    if (!network) add(argv, {"--unshare-net"});
    add(argv, {"--bind", tree_.string(), "/"});
    own_file_systems(argv);
    add(argv, {"--cap-drop", "ALL"});
    for (std::string capability : container_capabilities) {
        for (char& c : capability) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        add(argv, {"--cap-add", "CAP_" + capability});
    }
    if (network) add(argv, {"--ro-bind-try", "/etc/resolv.conf", "/etc/resolv.conf"});
    add(argv, {"--seccomp", std::to_string(filter.descriptor()), "--die-with-parent", "--new-session", "--chdir",
               command.directory.empty() ? "/" : command.directory});
    environment(argv, command);
    add(argv, {"--"});
    argv.insert(argv.end(), command.argv.begin(), command.argv.end());
    command.argv = std::move(argv);
    command.environment = plain_environment();
    command.directory.clear();
    command.keep_fds.push_back(filter.descriptor());
    return run(command, on_line, stop);
}

void Sandbox::write_files(const std::vector<TreeFile>& files, std::stop_token stop) {
    Command command;
    command.argv = {"tar",
                    "--extract",
                    "--file=-",
                    "--directory=/tree",
                    "--numeric-owner",
                    "--no-overwrite-dir",
                    "--preserve-permissions",
                    "--touch"};
    command.input = tar_of(files);
    std::string said;
    const Outcome outcome = run_tool(
        command, false, {}, [&](std::string_view line) { said.append(line).append("\n"); }, stop);
    if (!outcome.ok()) throw StepFailed("could not write files into the tree: " + said);
}

std::string Sandbox::read_file(const std::string& path, std::stop_token stop) {
    Command command;
    command.argv = {"sh", "-c", "test ! -f \"$0\" || cat -- \"$0\"", "/tree" + path};
    std::string text;
    run_tool(
        command, false, {}, [&](std::string_view line) { text.append(line).append("\n"); }, stop);
    return text;
}

void Sandbox::stream_tree(int fd, const LineHandler& on_line, std::stop_token stop) {
    Command command;
    command.argv = {"tar",
                    "--create",
                    "--file=-",
                    "--directory=/tree",
                    "--one-file-system",
                    "--numeric-owner",
                    "--xattrs",
                    "--xattrs-include=*",
                    "--sort=name",
                    "--warning=no-file-ignored",
                    "."};
    command.stdout_fd = fd;
    std::string said;
    const Outcome outcome = run_tool(
        command, false, {},
        [&](std::string_view line) {
            said.append(line).append("\n");
            if (on_line) on_line(line);
        },
        stop);
    if (!outcome.ok())
        throw StepFailed("reading the installed tree failed with exit code " + std::to_string(outcome.exit_code) +
                         ": " + said);
}

void remove_tree(const fs::path& directory) {
    std::error_code error;
    fs::remove_all(directory, error);
    if (!error) return;
    run(trusted({"rm", "-rf", "--one-file-system", "--", directory.string()}), {});
    if (fs::exists(fs::symlink_status(directory))) throw std::system_error(error, "delete " + directory.string());
}

}  // namespace builders
