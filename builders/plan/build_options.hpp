// SPDX-License-Identifier: Apache-2.0
#pragma once
// What kickstart has no word for: options of the request, or `#xenkiln:` comments of the recipe.
// A request's option beats the comment of the same name.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builders/plan/storage_plan.hpp"
#include "builders/plan/tree_file.hpp"
#include "formats/image/plan_output.hpp"
#include "formats/machine/hardware.hpp"

namespace builders {

struct AuthorizedKey {
    std::string user, key;
};  // user empty: every user of the recipe

struct BuildOptions {
    std::optional<std::string> name;            // [a-z0-9][a-z0-9.-]{0,62}; default: the distribution
    std::optional<std::string> distribution;    // "debian-12"
    std::optional<formats::Mode> mode;          // default pvhvm
    std::optional<std::uint32_t> vcpus;         // default 2
    std::optional<std::uint64_t> memory_bytes;  // default 2 GiB
    std::vector<std::uint64_t> disk_sizes;      // bytes, one for each disk of the recipe; default 8 GiB
    std::optional<Layout> layout;               // default: what the recipe's partitions ask for
    std::vector<formats::OutputKind> outputs;   // default one: xva.xz; of each, what its name and level say
    std::optional<bool> is_template;            // kind=template|vm
    std::optional<std::string> xva_checksum;    // sha1 (default) | xxhash
    std::optional<Network> network;             // of packages' scriptlets and %post; default mirrors
    std::optional<std::string> mirror;          // the guest's own package source
    std::vector<AuthorizedKey> ssh_keys;        // ssh-key=[USER:]KEY, repeatable
};

// Sets one option from text ("memory", "2GiB"). Returns what is wrong with it, naming the key, the
// value and what would be right; nothing when it was taken.
std::optional<std::string> set_option(BuildOptions& options, std::string_view key, std::string_view value);

// Every key set_option() knows, with one line of help each.
std::vector<std::pair<std::string, std::string>> option_help();

// `request` over `recipe`.
BuildOptions merge(const BuildOptions& recipe, const BuildOptions& request);

}  // namespace builders
