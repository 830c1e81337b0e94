// SPDX-License-Identifier: Apache-2.0
#include "builders/plan/build_options.hpp"

#include <algorithm>
#include <charconv>
#include <functional>
#include <limits>
#include <sstream>

#include "formats/stream/compress.hpp"
#include "kickstart/secret_text.hpp"

namespace builders {
namespace {

using Error = std::optional<std::string>;
using formats::Compression;

std::string in_quotes(std::string_view text) {
    return "'" + kickstart::without_secrets_in_text(text).substr(0, 200) + "'";
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

// "2GiB", "2048MiB", "2G", or bytes. 1 GiB = 2^30.
std::optional<std::uint64_t> size_in_bytes(std::string_view text) {
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto number = whole_number(text.substr(0, digits));
    std::string_view unit = text.substr(digits);
    while (unit.starts_with(' ')) unit.remove_prefix(1);
    if (!number) return std::nullopt;
    unsigned shift = 0;
    if (unit == "" || unit == "B")
        shift = 0;
    else if (unit == "K" || unit == "KiB")
        shift = 10;
    else if (unit == "M" || unit == "MiB")
        shift = 20;
    else if (unit == "G" || unit == "GiB")
        shift = 30;
    else if (unit == "T" || unit == "TiB")
        shift = 40;
    else
        return std::nullopt;
    if (*number > (std::uint64_t{1} << 50) >> shift) return std::nullopt;
    return *number << shift;
}

bool is_name(std::string_view text) {
    const auto good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-'; };
    return !text.empty() && text.size() <= 63 && text[0] != '.' && text[0] != '-' &&
           std::all_of(text.begin(), text.end(), good);
}

Error size(std::optional<std::uint64_t>& into, std::string_view key, std::string_view value, std::uint64_t least,
           std::uint64_t most, const char* example) {
    const auto bytes = size_in_bytes(value);
    if (!bytes || *bytes < least || *bytes > most)
        return std::string(key) + ": " + in_quotes(value) + " is not a size from " + std::to_string(least >> 20) +
               " MiB to " + std::to_string(most >> 20) + " MiB; write it like " + example;
    into = *bytes;
    return std::nullopt;
}

Error set_disks(BuildOptions& options, std::string_view value) {
    std::vector<std::uint64_t> sizes;
    std::istringstream parts{std::string(value)};
    for (std::string part; std::getline(parts, part, ',');) {
        std::optional<std::uint64_t> bytes;
        if (auto wrong = size(bytes, "disk", part, std::uint64_t{64} << 20, std::uint64_t{2040} << 30, "8GiB"))
            return wrong;
        sizes.push_back(*bytes);
    }
    if (sizes.empty()) return "disk: names no size; write it like 8GiB";
    options.disk_sizes = sizes;
    return std::nullopt;
}

// "vhd-fixed", "xva.xz", "raw.zst:3".
Error read_output(const std::string& text, formats::OutputKind& kind) {
    const std::size_t colon = std::min(text.find(':'), text.size());
    const std::string name = text.substr(0, colon);
    const std::size_t dot = std::min(name.find('.'), name.size());
    const auto format = formats::output_kind_from(name.substr(0, dot));
    if (!format)
        return in_quotes(name.substr(0, dot)) +
               " is not a format; xva, vhd, vhd-fixed, raw, qcow2, qcow2-zlib and qcow2-zstd are";
    kind = *format;
    if (dot < name.size()) {
        kind.packing = formats::compression_from(std::string_view(name).substr(dot + 1)).value_or(Compression::none);
        if (kind.packing == Compression::none)
            return in_quotes(name.substr(dot + 1)) + " is not a compression; xz, gz and zst are";
        if (kind.clusters != Compression::none)
            return in_quotes(name) + ": the clusters of " + name.substr(0, dot) + " are compressed already";
    }
    if (colon == text.size()) return std::nullopt;
    if (kind.packing == Compression::none)
        return in_quotes(text) + " takes no level: no compression is named before it";
    const auto level = whole_number(std::string_view(text).substr(colon + 1));
    if (!level) return in_quotes(text) + " has no number after the colon";
    const formats::Levels range = formats::levels(kind.packing);
    if (*level > 99 || static_cast<int>(*level) < range.lowest || static_cast<int>(*level) > range.highest)
        return std::string(formats::to_string(kind.packing)) + " has levels " + std::to_string(range.lowest) + " to " +
               std::to_string(range.highest) + ", not " + std::to_string(*level);
    kind.level = static_cast<int>(*level);
    return std::nullopt;
}

Error set_outputs(BuildOptions& options, std::string_view value) {
    std::vector<formats::OutputKind> outputs;
    std::istringstream parts{std::string(value)};
    for (std::string part; std::getline(parts, part, ',');) {
        formats::OutputKind kind;
        if (const Error wrong = read_output(part, kind)) return "outputs: " + *wrong;
        for (const formats::OutputKind& other : outputs)
            if (output_name(other) == output_name(kind)) return "outputs: " + output_name(kind) + " is named twice";
        outputs.push_back(kind);
    }
    if (outputs.empty()) return "outputs: names nothing; write it like xva.xz or xva.zst:3,vhd";
    options.outputs = outputs;
    return std::nullopt;
}

Error add_key(BuildOptions& options, std::string_view value) {
    AuthorizedKey key;
    std::string text(value);
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ' || text.back() == '\r')) text.pop_back();
    const std::size_t space = text.find(' '), colon = text.find(':');
    if (colon < space) {
        key.user = text.substr(0, colon);
        text.erase(0, colon + 1);
    }
    std::istringstream words(text);
    std::string type, body;
    words >> type >> body;
    const auto base64 = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '/' || c == '=';
    };
    const bool known = type == "ssh-rsa" || type == "ssh-ed25519" || type.starts_with("ecdsa-sha2-nistp") ||
                       type.starts_with("sk-ssh-ed25519@") || type.starts_with("sk-ecdsa-sha2-nistp256@");
    if (text.find_first_of("\n\r\0", 0, 3) != std::string::npos || !known || body.size() < 40 || body.size() > 4096 ||
        !body.starts_with("AAAA") || !std::all_of(body.begin(), body.end(), base64))
        return "ssh-key: " + in_quotes(value.substr(0, 40)) +
               " is not an SSH public key; give the line of a .pub file, or USER: before it";
    key.key = text;
    options.ssh_keys.push_back(key);
    return std::nullopt;
}

Error set_mirror(BuildOptions& options, std::string_view value) {
    const bool http = value.starts_with("http://") || value.starts_with("https://");
    const auto bad = [](char c) {
        return static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '\'' || c == '@' || c == '[';
    };
    if (!http || value.size() > 500 || std::any_of(value.begin(), value.end(), bad))
        return "mirror: " + in_quotes(value) + " is not an http(s) address without credentials";
    options.mirror = value;
    return std::nullopt;
}

struct Key {
    const char* name;
    const char* help;
    std::function<Error(BuildOptions&, std::string_view)> set;
};

const std::vector<Key>& keys() {
    static const std::vector<Key> all{
        {"name", "name of the image and its release: lower-case letters, digits, dots, dashes",
         [](BuildOptions& o, std::string_view v) -> Error {
             if (!is_name(v))
                 return "name: " + in_quotes(v) + " must be 1 to 63 lower-case letters, digits, dots and dashes";
             o.name = v;
             return std::nullopt;
         }},
        {"distribution", "what to install, such as debian-12",
         [](BuildOptions& o, std::string_view v) -> Error {
             o.distribution = v;  // the plan knows which there are
             return std::nullopt;
         }},
        {"mode", "how the guest runs under Xen: pvhvm (default), hvm, pvh, pv",
         [](BuildOptions& o, std::string_view v) -> Error {
             for (const formats::Mode mode :
                  {formats::Mode::pvhvm, formats::Mode::hvm, formats::Mode::pvh, formats::Mode::pv})
                 if (v == formats::to_string(mode)) {
                     o.mode = mode;
                     return std::nullopt;
                 }
             return "mode: " + in_quotes(v) + " is not one of pvhvm, hvm, pvh, pv";
         }},
        {"vcpus", "virtual processors, 1 to 64",
         [](BuildOptions& o, std::string_view v) -> Error {
             const auto n = whole_number(v);
             if (!n || *n < 1 || *n > 64) return "vcpus: " + in_quotes(v) + " is not a number from 1 to 64";
             o.vcpus = static_cast<std::uint32_t>(*n);
             return std::nullopt;
         }},
        {"memory", "memory of the VM, such as 2GiB",
         [](BuildOptions& o, std::string_view v) {
             return size(o.memory_bytes, "memory", v, std::uint64_t{128} << 20, std::uint64_t{1} << 42, "2GiB");
         }},
        {"disk", "virtual size of the disk, such as 8GiB; of several disks: 8GiB,20GiB", set_disks},
        {"layout",
         "mbr, gpt (BIOS), uefi, hybrid (BIOS and UEFI), partitionless (modes pv and pvh); default by the recipe's "
         "partitions",
         [](BuildOptions& o, std::string_view v) -> Error {
             for (const Layout layout :
                  {Layout::automatic, Layout::mbr, Layout::gpt, Layout::uefi, Layout::hybrid, Layout::partitionless})
                 if (v == to_string(layout)) {
                     o.layout = layout;
                     return std::nullopt;
                 }
             return "layout: " + in_quotes(v) + " is not one of mbr, gpt, uefi, hybrid, partitionless, automatic";
         }},
        {"outputs",
         "files to publish, separated by commas: xva, vhd, vhd-fixed, raw, qcow2, each also with .xz, .gz or .zst and "
         "then :LEVEL; qcow2-zlib, qcow2-zstd; only an xva holds several disks",
         set_outputs},
        {"kind", "vm, or template (cannot be started itself)",
         [](BuildOptions& o, std::string_view v) -> Error {
             if (v != "vm" && v != "template") return "kind: " + in_quotes(v) + " is neither vm nor template";
             o.is_template = v == "template";
             return std::nullopt;
         }},
        {"checksum", "of the XVA's blocks: sha1 (every host) or xxhash (XenServer 8.1 and later, faster)",
         [](BuildOptions& o, std::string_view v) -> Error {
             if (v != "sha1" && v != "xxhash") return "checksum: " + in_quotes(v) + " is neither sha1 nor xxhash";
             o.xva_checksum = v;
             return std::nullopt;
         }},
        {"network",
         "of scripts: mirrors (the recipe's repositories and nothing else), none, or open where the operator allows it",
         [](BuildOptions& o, std::string_view v) -> Error {
             for (const Network network : {Network::none, Network::mirrors, Network::open})
                 if (v == to_string(network)) {
                     o.network = network;
                     return std::nullopt;
                 }
             return "network: " + in_quotes(v) + " is not one of mirrors, none, open";
         }},
        {"mirror", "the package source that the guest itself will use", set_mirror},
        {"ssh-key", "[USER:]KEY, an SSH public key for USER, or for every user of the recipe; repeatable", add_key},
    };
    return all;
}

template <class T>
void prefer(std::optional<T>& into, const std::optional<T>& from) {
    if (from) into = from;
}

}  // namespace

std::optional<std::string> set_option(BuildOptions& options, std::string_view key, std::string_view value) {
    std::string known;
    for (const Key& entry : keys()) {
        if (entry.name == key) return entry.set(options, value);
        known += (known.empty() ? "" : ", ") + std::string(entry.name);
    }
    return "there is no option " + in_quotes(key) + "; there are " + known;
}

std::vector<std::pair<std::string, std::string>> option_help() {
    std::vector<std::pair<std::string, std::string>> help;
    for (const Key& entry : keys()) help.emplace_back(entry.name, entry.help);
    return help;
}

BuildOptions merge(const BuildOptions& recipe, const BuildOptions& request) {
    BuildOptions merged = recipe;
    prefer(merged.name, request.name);
    prefer(merged.distribution, request.distribution);
    prefer(merged.mode, request.mode);
    prefer(merged.vcpus, request.vcpus);
    prefer(merged.memory_bytes, request.memory_bytes);
    if (!request.disk_sizes.empty()) merged.disk_sizes = request.disk_sizes;
    prefer(merged.layout, request.layout);
    prefer(merged.is_template, request.is_template);
    prefer(merged.xva_checksum, request.xva_checksum);
    prefer(merged.network, request.network);
    prefer(merged.mirror, request.mirror);
    if (!request.outputs.empty()) merged.outputs = request.outputs;
    merged.ssh_keys.insert(merged.ssh_keys.end(), request.ssh_keys.begin(), request.ssh_keys.end());
    return merged;
}

}  // namespace builders
