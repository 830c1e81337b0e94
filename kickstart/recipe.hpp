// SPDX-License-Identifier: Apache-2.0
#pragma once
// A recipe: what a kickstart file asks for, as plain data. Every value remembers the line it came
// from, so that whatever is done with it later can be said with its line number. Sizes of
// partitions are MiB, as kickstart counts them.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kickstart {

// One accepted command line in canonical form (docs/kickstart.md); the typed fields of Recipe are
// made from these. `options` holds only options that stood on the line, by their primary name.
struct OptionValue {
    enum class Kind { flag, number, text, list, pairs } kind = Kind::flag;
    std::int64_t number = 0;                                 // for number
    bool flag = true;                                        // for flag
    std::string text;                                        // for text
    std::vector<std::string> list;                           // for list
    std::vector<std::pair<std::string, std::string>> pairs;  // for pairs: a team's devices and their configuration
};
struct Command {
    int line = 0;
    std::string name;
    bool deprecated = false;
    std::vector<std::string> args;
    std::map<std::string, OptionValue> options;
    std::vector<std::string> words;  // all words after the name, of commands whose words are not looked at
};

struct Language {
    int line = 0;
    std::string lang;
    std::vector<std::string> additional;
};
struct Keyboard {
    int line = 0;
    std::string vc_keymap;
    std::vector<std::string> x_layouts;
};
struct Timezone {
    int line = 0;
    std::string zone;
    bool utc = false;
    bool ntp = true;
    std::vector<std::string> ntp_servers;
};

struct Network {
    int line = 0;
    std::string boot_proto = "dhcp";  // dhcp, static, …
    std::string device;               // as written; "link", "eth0", a MAC …
    std::string ip, netmask, gateway;
    std::vector<std::string> name_servers;
    std::string hostname;
    std::string ipv6;  // "auto", "dhcp", an address; empty when not given
    bool on_boot = true, activate = false, ipv4 = true, ipv6_enabled = true;
    std::optional<std::int64_t> mtu;
    std::string compound;  // bondslaves, vlanid … when it is more than one plain interface
};

struct Firewall {
    int line = 0;
    bool enabled = true;
    std::vector<std::string> ports;     // "22:tcp"
    std::vector<std::string> services;  // "ssh"; the old --ssh, --http … flags end here as well
    std::vector<std::string> removed_services;
    std::vector<std::string> trusted;  // devices
    bool use_system_defaults = false;
};

// A password as the file gave it. Never printed, logged or put on a command line.
struct Password {
    std::string value;
    bool crypted = false;  // value is a crypt(3) string
};

struct RootPassword {
    int line = 0;
    std::optional<Password> password;
    bool locked = false;
    bool allow_ssh = false;
};
struct User {
    int line = 0;
    std::string name, gecos, home, shell;
    std::vector<std::string> groups;
    std::optional<Password> password;
    bool locked = false;
    std::optional<std::int64_t> uid, gid;
};
struct Group {
    int line = 0;
    std::string name;
    std::optional<std::int64_t> gid;
};
struct SshKey {
    int line = 0;
    std::string user, key;
};
struct Services {
    int line = 0;
    std::vector<std::string> enabled, disabled;
};

struct Bootloader {
    int line = 0;
    std::string location = "mbr";         // mbr, partition, none, boot
    std::string append;                   // kernel arguments
    std::optional<std::int64_t> timeout;  // seconds
    std::vector<std::string> drive_order;
    std::string boot_drive;
    std::optional<Password> password;
    bool extlinux = false, disabled = false;
};

struct ClearPart {
    int line = 0;
    std::string mode;
    bool init_label = false;  // mode: all, linux, none, list, ""
    std::string disk_label;
    std::vector<std::string> drives;
};

struct Partition {
    int line = 0;
    std::string mount_point;  // "/", "/boot", "swap", "biosboot", "pv.01" …
    std::string fstype;       // empty: the default of the mount point
    std::optional<std::int64_t> size_mib, max_size_mib;
    bool grow = false, as_primary = false, recommended = false, hibernation = false;
    std::string label, fs_options, mkfs_options, fs_profile, disk;  // disk: --ondisk as written
    std::string on_part;                                            // --onpart; refused by the builder
    bool no_format = false, encrypted = false;
};
struct VolumeGroup {
    int line = 0;
    std::string name;
    std::vector<std::string> physical_volumes;
    std::optional<std::int64_t> pe_size_kib, reserved_space_mib, reserved_percent;
};
struct LogicalVolume : Partition {
    std::string name, volume_group;
    std::optional<std::int64_t> percent;
    bool thin = false;
};
struct AutoPart {
    int line = 0;
    std::string type, fstype;
    bool no_home = false, no_boot = false, no_swap = false, encrypted = false;
};

struct Repository {
    int line = 0;
    std::string name;  // empty for the `url` command
    std::string base_url, mirror_list, metalink, proxy;
    std::vector<std::string> include_packages, exclude_packages;
    std::optional<std::int64_t> cost;
    bool verify_ssl = true, install = false;
};

struct Packages {
    int line = 0;                  // of the first header
    std::vector<Command> headers;  // each %packages line with its options
    std::string environment;       // "@^…"
    struct Group {
        std::string name, level = "default";
    };  // default, mandatory, all
    std::vector<Group> groups;
    std::vector<std::string> packages, excluded_packages, excluded_groups;  // sorted, unique
    std::map<std::string, int> lines;  // package or group name → line it stood on
    bool no_core = false, exclude_docs = false, ignore_missing = false, exclude_weakdeps = false;
    std::vector<std::string> languages;  // --inst-langs
};

enum class Section { pre, pre_install, post, on_error, traceback };
struct Script {
    int line = 0;  // of the section header
    Section section = Section::post;
    std::string interpreter = "/bin/sh";
    bool chroot = true;  // false for every section but %post without --nochroot
    bool error_on_fail = false;
    std::string log;   // path inside the target; empty when not given
    std::string body;  // byte-exact
};
struct Certificate {
    int line = 0;
    std::string filename, dir, type, body;
};
struct Opaque {
    int line = 0;
    std::string section;
    std::vector<std::string> args;
    std::string body;
};
struct Include {
    int line = 0;
    std::string path, where;
};

// `#xenkiln: mode=pvhvm vcpus=2` comments: words that kickstart has no command for.
struct OptionComment {
    int line = 0;
    std::string key, value;
};

// Where the lines of a text came from that was put together of several files. Empty: every line is of the one file.
struct Sources {
    struct Place {
        int file = 0;  // index of `files`, the first is the one that was asked for
        int line = 0;
    };
    std::vector<std::string> files;
    std::vector<Place> lines;  // the first is line 1

    Place place(int line) const;
    // The file of a place, by the name that `asked` is known by when it is the one that was asked for.
    const std::string& file_of(const Place& place, const std::string& asked) const {
        return place.file == 0 ? asked : files[static_cast<std::size_t>(place.file)];
    }
};

struct Recipe {
    std::string file;            // the name it was read under; empty when nobody said
    std::string version;         // the syntax level the text was read at
    std::string version_reason;  // why that one: "as asked", "#version= in line 1", "a guess: …"
    std::optional<std::string> version_comment, platform;
    Sources sources;  // what the line numbers of this recipe mean when includes were followed

    std::vector<Command> commands;  // every accepted line, in file order
    std::vector<OptionComment> options;

    std::optional<Language> lang;
    std::optional<Keyboard> keyboard;
    std::optional<Timezone> timezone;
    std::vector<Network> networks;
    std::optional<Firewall> firewall;
    std::optional<std::string> selinux;  // enforcing, permissive, disabled
    std::optional<RootPassword> root_password;
    std::vector<User> users;
    std::vector<Group> groups;
    std::vector<SshKey> ssh_keys;
    std::optional<Services> services;
    std::optional<Bootloader> bootloader;
    bool zero_mbr = false;
    std::optional<ClearPart> clear_part;
    std::vector<Partition> partitions;
    std::vector<VolumeGroup> volume_groups;
    std::vector<LogicalVolume> logical_volumes;
    std::optional<AutoPart> auto_part;
    bool require_part = false;  // reqpart
    bool require_part_add_boot = false;
    std::optional<Repository> url;
    std::vector<Repository> repositories;
    bool default_target_graphical = false;  // xconfig --startxonboot

    std::optional<Packages> packages;
    std::vector<Script> scripts;
    std::vector<Certificate> certificates;
    std::vector<Opaque> others;  // %addon, %anaconda
    std::vector<Include> includes;
};

inline Sources::Place Sources::place(int line) const {
    const auto index = static_cast<std::size_t>(line) - 1;
    return index < lines.size() ? lines[index] : Place{0, line};
}

}  // namespace kickstart
