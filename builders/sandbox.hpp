// SPDX-License-Identifier: Apache-2.0
#pragma once
// The wall around other people's code: package scriptlets and %post. One outer user namespace with
// the service user's whole subordinate id range (its root is the first subordinate id, never the
// service's own uid), with mount, pid, ipc, uts and cgroup namespaces; inside it bwrap gives a view
// of the tools needed and of the build's own tree, and nothing else of the host.
//
// A Sandbox owns one tree: the root file system being installed, under `work/tree`, whose files
// belong to subordinate ids. remove_tree() is the only way to delete such files.
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "builders/process.hpp"

namespace builders {

// Throws HostNotReady, naming the command that mends it, when this user cannot have a sandbox:
// no subordinate id range, no newuidmap, no bwrap, user namespaces switched off.
void check_sandbox_available();

class Sandbox {
public:
    // `work` exists and belongs to us; creates work/tree.
    explicit Sandbox(std::filesystem::path work);

    const std::filesystem::path& tree() const { return tree_; }

    // A tool of the host (mmdebstrap, tar) as the namespace's root. Sees /usr and the few /etc
    // files the tool needs read-only, the tree read-write at its own path, a private /tmp, and the
    // network. `read_only` names further host paths it may read.
    Outcome run_tool(Command command, const std::vector<std::filesystem::path>& read_only,
                     const LineHandler& on_line, std::stop_token stop);

    // A program of the tree, with the tree as its root. Sees nothing of the host; /proc, /dev and
    // /sys as a container has them; no network unless `network`.
    Outcome run_in_tree(Command command, bool network, const LineHandler& on_line,
                        std::stop_token stop);

    // As the namespace's root with the tree as root, without running any of its programs:
    // write a file (parents made, mode and owner set), remove, read. Symlinks in the tree never
    // lead outside it.
    void write_file(const std::string& path, std::string_view content, unsigned mode = 0644,
                    unsigned uid = 0, unsigned gid = 0);

    // The whole tree as a tar stream (numeric owners, xattrs) into `fd`.
    void stream_tree(int fd, const LineHandler& on_line, std::stop_token stop);

private:
    std::filesystem::path work_, tree_;
};

// Deletes a directory whatever subordinate ids own its files. Never follows a symlink.
void remove_tree(const std::filesystem::path& directory);

}  // namespace builders
