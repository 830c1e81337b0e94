// SPDX-License-Identifier: Apache-2.0
#include "builders/sandbox/sandbox.hpp"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <system_error>

#include "builders/job/errors.hpp"
#include "builders/sandbox/control_group.hpp"
#include "builders/sandbox/id_range.hpp"
#include "builders/sandbox/sandbox_filter.hpp"
#include "builders/sandbox/tree_tar.hpp"

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

const std::string memory_file_limit = std::to_string(std::uint64_t{1} << 30);  // bytes of each tmpfs

// All namespaces of the service user together: with the limit of each build below it, builds do not take each
// other's processes.
constexpr rlim_t process_limit_of_all = 16384;
// What an installer's programs and scripts expect: ours, or the user's, is about our files and not the image's.
constexpr const char* with_image_umask = "umask 022 && unset PWD && exec \"$@\"";
constexpr const char* proxy_address = "127.0.0.1:3128";

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

void environment(Arguments& to, const Command& command, bool proxy) {
    add(to, {"--clearenv"});
    if (proxy)
        for (const char* name : {"http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"})
            add(to, {"--setenv", name, std::string("http://") + proxy_address});
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

}  // namespace

Sandbox::Sandbox(fs::path work, const Limits& limits) : work_(std::move(work)), tree_(work_ / "tree"), limits_(limits) {
    for (fs::path folder = work_; folder.has_relative_path(); folder = folder.parent_path()) {
        struct stat status {};
        if (::stat(folder.c_str(), &status) == 0 && (status.st_mode & S_IXOTH) == 0)
            throw HostNotReady("the sandbox's user cannot pass " + folder.string() +
                               "; let it through with: chmod o+x " + folder.string());
    }
    if (!fs::create_directory(tree_)) throw StepFailed(tree_.string() + " is there already");
    fs::permissions(tree_, fs::perms(0755));                 // the image's own root folder, whatever our umask is
    capture(in_id_range({"chown", "1:1", tree_.string()}));  // 1: the first subordinate id
}

bool Sandbox::has_way_out(Network network) const {
    return network == Network::mirrors && !proxy_.empty();
}

Arguments Sandbox::outer_namespace(Network network) const {
    rlimit now{};
    ::getrlimit(RLIMIT_NPROC, &now);
    Arguments argv{"prlimit",
                   "--nproc=" + std::to_string(std::min(process_limit_of_all, now.rlim_max)),
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
                   "--mount-proc",  // bwrap looks its child up in /proc by a pid of this namespace
                   "--ipc",
                   "--uts",
                   "--cgroup"};
    if (has_way_out(network)) add(argv, {"--net"});
    // unshare's own --kill-child ends with --setuid; bwrap's --die-with-parent comes late. This one holds from here on.
    add(argv, {"--", "setpriv", "--pdeathsig", "KILL", "--"});
    // The way out is opened outside of bwrap's view: a TCP port on the namespace's own lo, as package tools know no
    // proxy on a Unix socket. It ends with the namespace.
    if (has_way_out(network))
        add(argv, {"sh", "-c",
                   "ip link set lo up || exit; "
                   "socat TCP-LISTEN:3128,bind=127.0.0.1,reuseaddr,fork,backlog=64 UNIX-CONNECT:\"$0\" & "
                   "for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do "
                   "socat /dev/null TCP:127.0.0.1:3128 2>/dev/null && exec \"$@\"; sleep 0.1; done; "
                   "echo 'the way out of the sandbox did not open' >&2; exit 1",
                   proxy_.string()});
    // Inside the namespace, so that only its own processes count.
    add(argv, {"prlimit", "--nproc=" + std::to_string(std::min<rlim_t>(limits_.processes, now.rlim_max)),
               "--data=" + std::to_string(limits_.memory), "--fsize=" + std::to_string(limits_.disk), "--"});
    argv.insert(argv.begin(), {"sh", "-c", with_image_umask, "sh"});
    return argv;
}

// Runs it under the limits. The first one passed ends it, and says so.
Outcome Sandbox::contained(Command command, const LineHandler& on_line, const std::stop_token& stop) {
    std::stop_source end;
    const std::stop_callback passed_on(stop, [&] { end.request_stop(); });
    std::mutex mutex;
    std::string reason;
    std::optional<Watcher> watcher;
    const std::unique_ptr<ControlGroup> group = ControlGroup::make(limits_);
    if (group) {
        const Arguments prefix = group->prefix();
        command.argv.insert(command.argv.begin(), prefix.begin(), prefix.end());
    }
    command.started = [&](int pid) {
        watcher.emplace(limits_, pid, tree_, [&](std::string why) {
            {
                const std::lock_guard lock(mutex);
                reason = std::move(why);
            }
            end.request_stop();
        });
    };
    try {
        const Outcome outcome = run(command, on_line, end.get_token());
        watcher.reset();
        // A step that was refused a process and did without it did not fail.
        if (group && !outcome.ok()) reason = group->passed();
        if (reason.empty()) return outcome;
    } catch (const Cancelled&) {
        watcher.reset();
        if (reason.empty() || stop.stop_requested()) throw;
    }
    throw StepFailed("stopped: " + reason);
}

// The host's tools, read-only, and the few files under /etc they need.
static void show_tools(Arguments& argv, Command& command, std::vector<formats::File>& kept, const HostView& more,
                       Network network) {
    open_folders(argv, {"/etc", "/etc/ssl", "/var", "/var/lib"});
    for (const std::string& folder : more.folders) open_folders(argv, {folder.c_str()});
    add(argv, {"--ro-bind", "/usr", "/usr"});
    for (const char* folder : {"bin", "sbin", "lib", "lib32", "lib64"}) {
        std::error_code none;
        const fs::path path = fs::path("/") / folder;
        if (fs::is_symlink(path, none))
            add(argv, {"--symlink", fs::read_symlink(path).string(), path.string()});
        else
            read_only(argv, path);
    }
    const auto text = [&](std::string_view content, const char* path) {
        kept.push_back(text_file(content));
        command.keep_fds.push_back(kept.back().descriptor());
        add(argv, {"--ro-bind-data", std::to_string(kept.back().descriptor()), path});
    };
    text("root:x:0:0:root:/tmp:/bin/sh\n" + more.users + "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
         "/etc/passwd");
    text("root:x:0:\nnogroup:x:65534:\n", "/etc/group");
    for (const char* path :
         {"/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/nsswitch.conf", "/etc/ld.so.cache", "/etc/alternatives"})
        read_only(argv, path);
    for (const fs::path& path : more.read_only) read_only(argv, path);
    if (network != Network::open) return;
    for (const char* path : {"/etc/resolv.conf", "/etc/hosts"}) read_only(argv, path);
}

// bwrap leaves the bounding set full. Dropped before it starts, it keeps its own capabilities only through the
// inheritable set, which must be filled first.
static void bound_capabilities(Arguments& argv) {
    std::string bounding = "-all";
    for (const char* capability : container_capabilities) bounding += std::string(",+") + capability;
    add(argv, {"setpriv", "--inh-caps=+all", "--", "setpriv", "--bounding-set=" + bounding, "--"});
}

// A container's usual capabilities, under the filter.
static void container_rights(Arguments& argv, Command& command, std::vector<formats::File>& kept) {
    add(argv, {"--cap-drop", "ALL"});
    for (std::string capability : container_capabilities) {
        for (char& c : capability) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        add(argv, {"--cap-add", "CAP_" + capability});
    }
    kept.push_back(script_filter());
    command.keep_fds.push_back(kept.back().descriptor());
    add(argv, {"--seccomp", std::to_string(kept.back().descriptor())});
}

Outcome Sandbox::start(std::vector<std::string> argv, Command command, Network network, const char* folder,
                       const LineHandler& on_line, const std::stop_token& stop) {
    add(argv,
        {"--die-with-parent", "--new-session", "--chdir", command.directory.empty() ? folder : command.directory});
    environment(argv, command, has_way_out(network));
    for (const auto& [name, value] : host_view_.environment) add(argv, {"--setenv", name, value});
    add(argv, {"--"});
    argv.insert(argv.end(), command.argv.begin(), command.argv.end());
    command.argv = std::move(argv);
    command.environment = plain_environment();
    command.directory.clear();
    return contained(std::move(command), on_line, stop);
}

std::vector<std::string> Sandbox::view(Network network, bool bounded) const {
    Arguments argv = outer_namespace(network);
    if (bounded) bound_capabilities(argv);
    append(argv, bwrap());
    if (network != Network::open && !has_way_out(network)) add(argv, {"--unshare-net"});
    return argv;
}

Outcome Sandbox::run_tool(Command command, Network network, const std::vector<fs::path>& more,
                          const LineHandler& on_line, std::stop_token stop) {
    std::vector<formats::File> kept;
    Arguments argv = view(network, false);
    show_tools(argv, command, kept, host_view_, network);
    own_file_systems(argv);
    for (const fs::path& path : more) {
        fs::path folder = "/";
        for (const fs::path& part : path.parent_path().relative_path()) {
            folder /= part;
            if (folder != "/usr" && !folder.string().starts_with("/usr/") && folder != "/tmp")
                open_folders(argv, {folder.c_str()});
        }
        read_only(argv, path);
    }
    add(argv, {"--bind", tree_.string(), "/tree", "--remount-ro", "/", "--cap-add", "ALL"});
    return start(std::move(argv), std::move(command), network, "/tmp", on_line, stop);
}

Outcome Sandbox::run_in_tree(Command command, Network network, const LineHandler& on_line, std::stop_token stop) {
    std::vector<formats::File> kept;
    Arguments argv = view(network, true);
    add(argv, {"--bind", tree_.string(), "/"});
    own_file_systems(argv);
    container_rights(argv, command, kept);
    if (network == Network::open) add(argv, {"--ro-bind-try", "/etc/resolv.conf", "/etc/resolv.conf"});
    return start(std::move(argv), std::move(command), network, "/", on_line, stop);
}

Outcome Sandbox::run_outside(Command command, Network network, const LineHandler& on_line, std::stop_token stop) {
    std::vector<formats::File> kept;
    Arguments argv = view(network, true);
    show_tools(argv, command, kept, host_view_, network);
    own_file_systems(argv);
    open_folders(argv, {"/mnt"});
    add(argv,
        {"--bind", tree_.string(), "/mnt/sysimage", "--symlink", "sysimage", "/mnt/sysroot", "--remount-ro", "/"});
    container_rights(argv, command, kept);
    if (command.environment.empty()) command.environment = plain_environment();
    command.environment["INSTALL_ROOT"] = "/mnt/sysimage";
    command.environment["ANA_INSTALL_PATH"] = "/mnt/sysimage";
    return start(std::move(argv), std::move(command), network, "/tmp", on_line, stop);
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
        command, Network::none, {}, [&](std::string_view line) { said.append(line).append("\n"); }, stop);
    if (!outcome.ok()) throw StepFailed("could not write files into the tree: " + said);
}

std::string Sandbox::read_file(const std::string& path, std::stop_token stop) {
    Command command;
    command.argv = {"sh", "-c", "test ! -f \"$0\" || cat -- \"$0\"", "/tree" + path};
    std::string text;
    run_tool(
        command, Network::none, {}, [&](std::string_view line) { text.append(line).append("\n"); }, stop);
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
        command, Network::none, {},
        [&](std::string_view line) {
            said.append(line).append("\n");
            if (on_line) on_line(line);
        },
        stop);
    if (!outcome.ok())
        throw StepFailed("reading the installed tree failed with exit code " + std::to_string(outcome.exit_code) +
                         ": " + said);
}

}  // namespace builders
