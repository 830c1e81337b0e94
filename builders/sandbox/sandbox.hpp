// SPDX-License-Identifier: Apache-2.0
#pragma once
// The wall around other people's code: package scriptlets and %post. One outer user namespace with
// the service user's whole subordinate id range (its root is the first subordinate id, never the
// service's own uid), with mount, pid, ipc, uts and cgroup namespaces; inside it bwrap gives a view
// of the tools needed and of the build's own tree, and nothing else of the host. When a call
// returns, every process it made is dead: the pid namespace dies with its first process.
//
// A Sandbox owns one tree: the root file system being installed, under `work/tree`, whose files
// belong to subordinate ids. remove_tree() is the only way to delete such files.
#include <filesystem>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "builders/plan/limits.hpp"
#include "builders/plan/tree_file.hpp"
#include "builders/sandbox/process.hpp"

namespace builders {

// What the package tools of one family need, besides what every tool does.
struct HostView {
    std::vector<std::string> folders;                // empty ones, each after its parent: "/etc/dpkg"
    std::vector<std::filesystem::path> read_only;    // of the host, where they are there
    std::string users;                               // lines of /etc/passwd
    std::map<std::string, std::string> environment;  // of every program, the tree's included
};

class Sandbox {
public:
    // `work` exists and belongs to us, and every folder above it can be passed by others (o+x), as
    // the namespace's root is another user. Makes work/tree, which belongs to that root.
    explicit Sandbox(std::filesystem::path work, const Limits& limits = {});

    const std::filesystem::path& tree() const { return tree_; }

    // Where Network::mirrors leads: the Unix socket of a MirrorProxy. Without one it is Network::none.
    void set_proxy(std::filesystem::path socket) { proxy_ = std::move(socket); }

    void set_host_view(HostView view) { host_view_ = std::move(view); }

    // A tool of the host (mmdebstrap, tar) as the namespace's root, with its capabilities there. Sees
    // the host's /usr and the few files under /etc that tools need, read-only; the tree as /tree; a
    // private /tmp. `read_only` names further host paths it may read. Throws StepFailed with the limit and the
    // amount when a limit is passed.
    Outcome run_tool(Command command, Network network, const std::vector<std::filesystem::path>& read_only,
                     const LineHandler& on_line, std::stop_token stop = {});

    // A program of the tree, with the tree as its root and a container's usual capabilities, under the
    // seccomp filter of sandbox_filter.hpp. Sees nothing of the host. Throws as run_tool() does.
    Outcome run_in_tree(Command command, Network network, const LineHandler& on_line, std::stop_token stop = {});

    // A script that is not the tree's: the host's tools as run_tool() shows them and the tree at /mnt/sysimage, but
    // with no more rights than run_in_tree() gives. For %pre and %post --nochroot. Throws as run_tool() does.
    Outcome run_outside(Command command, Network network, const LineHandler& on_line, std::stop_token stop = {});

    // Files, symlinks and folders into the tree in one go, missing parents made (0755, root). Runs no
    // program of the tree. A symlink planted in the tree can only lead to nothing of worth: the
    // view holds the tree, read-only tools, and nothing else.
    void write_files(const std::vector<TreeFile>& files, std::stop_token stop = {});

    // The content of a text file of the tree, or nothing when there is none; a symlink that leads
    // out of the tree leads nowhere.
    std::string read_file(const std::string& path, std::stop_token stop = {});

    // The whole tree as a tar stream (numeric owners, xattrs, sorted) into `fd`.
    void stream_tree(int fd, const LineHandler& on_line, std::stop_token stop = {});

private:
    std::vector<std::string> view(Network network, bool bounded) const;
    Outcome start(std::vector<std::string> argv, Command command, Network network, const char* folder,
                  const LineHandler& on_line, const std::stop_token& stop);
    Outcome contained(Command command, const LineHandler& on_line, const std::stop_token& stop);
    bool has_way_out(Network network) const;
    std::vector<std::string> outer_namespace(Network network) const;

    std::filesystem::path work_, tree_, proxy_;
    Limits limits_;
    HostView host_view_;
};

}  // namespace builders
