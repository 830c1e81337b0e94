// SPDX-License-Identifier: Apache-2.0
#pragma once
// A recipe and its options with every value resolved: what will be done, in order, before anything
// is done. Pure: no clock, no host, no file. Golden files test it.
//
// A plan has two digests, because one cannot do both tasks. Names that stand in the image (UUIDs, the disk signature)
// must be the same wherever the recipe is built, so they are made without a key; and as everybody can read them and
// compute the rest of the plan, a secret in them could be guessed at leisure: they are made of to_json(), which has
// none. What is kept for a later build must not be shared by two recipes that differ in a password only: it is named by
// identity(), which covers everything, under a key that never leaves the service.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "builders/plan/build_host.hpp"
#include "builders/plan/build_options.hpp"
#include "builders/plan/distribution.hpp"
#include "builders/plan/storage_plan.hpp"
#include "builders/plan/tree_file.hpp"
#include "formats/machine/hardware.hpp"
#include "kickstart/parser.hpp"

namespace builders {

struct UserPlan {
    std::string name, gecos, home, shell;
    std::vector<std::string> groups;
    std::optional<kickstart::Password> password;  // none: locked
    bool locked = false;
    std::optional<std::int64_t> uid, gid;
    std::vector<std::string> ssh_keys;
};

struct ScriptPlan {
    int line = 0;          // of its section
    bool outside = false;  // %pre and %post --nochroot: with the build host's tools, the tree at /mnt/sysimage
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
    bool distribution_guessed =
        false;                         // nothing names it: it can be planned, and forbidden() keeps it from being built
    std::string distribution_because;  // what named it: "the option distribution", "url http://…", "#version=RHEL7"
    formats::Hardware hardware;
    std::vector<formats::OutputKind> outputs;  // what their names and levels say; the rest is the worker's
    bool xxhash = false;                       // of an XVA's chunks

    std::vector<std::string> packages;           // sorted, unique
    std::vector<std::string> excluded_packages;  // and groups, "@games", of an RPM family
    std::vector<std::string> package_options;    // of an RPM family, as dnf has them: "tsflags=nodocs"
    std::vector<std::string> modules;            // streams of an RPM family, "nodejs:18"; with "-": disabled
    // To install from: apt lines without keys; of an RPM family "NAME baseurl|mirrorlist|metalink=ADDRESS" and its
    // options.
    std::vector<std::string> sources;
    bool default_sources = true;  // and from the distribution's own: the build host's, else the public ones
    std::string guest_sources;
    Network network = Network::mirrors;  // of scripts; packages are fetched through the mirrors in any case
    bool exclude_docs = false;

    StoragePlan storage;
    bool bootloader = true;  // false: --location=none, the image does not boot by itself
    std::string kernel_arguments;
    std::optional<kickstart::Password> loader_password;  // of an RPM family
    std::int64_t timeout = 5;                            // seconds

    std::vector<TreeFile> files;                     // written before the commands
    std::vector<std::vector<std::string>> commands;  // in the tree, in order
    std::vector<kickstart::Group> groups;
    std::vector<UserPlan> users;
    std::optional<kickstart::Password> root_password;  // none: locked
    std::vector<std::string> root_ssh_keys;
    std::vector<ScriptPlan> pre_scripts, scripts;  // before the packages, after everything

    // What would make every copy of the image anybody's. It can be planned, and forbidden() keeps it from being built.
    std::vector<Note> unsafe;

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

// The one way from a text to its plan, for command, API and worker alike, so that all of them understand the same.
struct PlannedRecipe {
    kickstart::ParseResult read;
    PlanResult planned;                                 // of use only when both are ok()
    std::vector<kickstart::Diagnostic> errors() const;  // of the text, then of the plan
};

// The text is read at the level that fits best, and when that has errors, at the level of the release that is to be
// installed: the request's distribution, the recipe's own, or what the recipe names otherwise.
PlannedRecipe plan_recipe(std::string_view text, const BuildOptions& request, const std::string& date,
                          const kickstart::ParseOptions& how = {});

// Why nothing can build it yet, if so: its family has no builder.
std::optional<std::string> not_built_yet(const BuildPlan& plan);

// Why it is not built here, if so: not_built_yet(), or what this machine's operator does not allow; a sentence with
// what would.
std::optional<kickstart::Diagnostic> forbidden(const BuildPlan& plan, const BuildHost& host);

// Canonical JSON: what everybody may read of it. Passwords are "set", scripts that hold a secret and credentials in
// addresses are "(removed)".
std::string to_json(const BuildPlan& plan);

// Equal for two plans only when what they build is: an HMAC-SHA256 in hex of every field, secrets and all. Without the
// key nothing can be guessed from it. REQUIRES: a key that is random and is kept secret; who has none (the command) has
// no identity, and keeps nothing by it.
std::string identity(const BuildPlan& plan, std::span<const std::byte> key);

}  // namespace builders
