// SPDX-License-Identifier: Apache-2.0
#pragma once
// A recipe and its options with every value resolved: what will be done, in order, before anything
// is done. Pure: no clock, no host, no file. Golden files test it; its digest is the build's
// identity, and the file systems' UUIDs come from it.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "builders/build_options.hpp"
#include "builders/distribution.hpp"
#include "builders/sandbox.hpp"
#include "formats/hardware.hpp"
#include "kickstart/parser.hpp"

namespace builders {

struct PartitionPlan {
    int number = 0;                      // 1-based
    std::uint64_t offset = 0, size = 0;  // bytes, multiples of 1 MiB
    std::string mount_point;             // "/", "/boot", "swap"
    std::string fstype;                  // ext2 ext3 ext4 xfs vfat swap
    std::string label, uuid;
    std::string fs_options = "defaults";
    bool active = false;  // MBR boot flag
};

struct DiskPlan {
    std::uint64_t size = 0;  // bytes, a multiple of 2 MiB
    std::string table = "mbr";
    std::vector<PartitionPlan> partitions;  // ascending by offset
    std::string signature;                  // MBR disk signature, 8 hex digits
};

struct UserPlan {
    std::string name, gecos, home, shell;
    std::vector<std::string> groups;
    std::optional<kickstart::Password> password;  // none: locked
    bool locked = false;
    std::optional<std::int64_t> uid, gid;
    std::vector<std::string> ssh_keys;
};

struct ScriptPlan {
    int line = 0;  // of its %post
    std::string interpreter, log, body;
    bool error_on_fail = false;
};

// Something the build does not do as the recipe says: ignored, or done in part. One line each of
// the build's report.
struct Note {
    int line = 0;
    std::string message;
};

struct BuildPlan {
    std::string release_name;  // "debian-12-20261121-pvhvm" or "…-pvhvm-template"
    std::string title;
    std::string date;  // YYYYMMDD
    Distribution distribution;
    formats::Hardware hardware;
    std::vector<Output> outputs;
    bool xxhash = false;

    std::vector<std::string> packages;  // sorted, unique
    std::vector<std::string> sources;   // to install from; empty: the build host's own
    std::string guest_sources;
    bool exclude_docs = false;

    DiskPlan disk;
    bool bootloader = true;  // false: --location=none, the image does not boot by itself
    std::string kernel_arguments;
    std::int64_t timeout = 5;  // seconds

    std::vector<TreeFile> files;                     // written before the commands
    std::vector<std::vector<std::string>> commands;  // in the tree, in order
    std::vector<kickstart::Group> groups;
    std::vector<UserPlan> users;
    std::optional<kickstart::Password> root_password;  // none: locked
    std::vector<std::string> root_ssh_keys;
    std::vector<ScriptPlan> scripts;

    std::vector<Note> notes;
};

struct PlanResult {
    BuildPlan plan;  // of use only when ok()
    std::vector<kickstart::Diagnostic> errors;
    bool ok() const { return errors.empty(); }
};

// `date` is YYYYMMDD. `request` beats the recipe's own `#xenkiln:` options. All that a recipe asks for
// and the build would not do is an error (nothing has been downloaded yet) or a note with its line.
PlanResult plan_build(const kickstart::Recipe& recipe, const BuildOptions& request, const std::string& date);

// Canonical JSON. Secrets are left out ("password": "set").
std::string to_json(const BuildPlan& plan);

}  // namespace builders
