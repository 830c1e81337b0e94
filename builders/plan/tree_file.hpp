// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a plan says of the tree, the root file system being installed: files that are written into it, and what
// network its programs may have.
#include <string>
#include <string_view>

namespace builders {

// none: no interface but lo. mirrors: lo, and on it a proxy that lets through what the worker's MirrorProxy does;
// the environment names it. open: the host's network, its loopback and its abstract sockets included.
enum class Network { none, mirrors, open };
std::string_view to_string(Network network);

struct TreeFile {
    std::string path;     // absolute, in the tree
    std::string content;  // of a file, or the target of a symlink
    unsigned mode = 0644;
    unsigned uid = 0, gid = 0;
    enum class Kind { file, symlink, directory } kind = Kind::file;
};

}  // namespace builders
