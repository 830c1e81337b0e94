// SPDX-License-Identifier: Apache-2.0
#include "kickstart/command_checks.hpp"

#include <algorithm>
#include <set>

#include "kickstart/option_parser.hpp"

namespace kickstart::checks {
namespace {

bool has(const Command& command, const char* option) {
    return command.options.contains(option);
}
std::string text(const Command& command, const char* option) {
    const auto found = command.options.find(option);
    return found == command.options.end() ? std::string() : found->second.text;
}
std::string takes_one(const Command& command) {
    return "A single argument is expected for the " + command.name + " command, has " +
           std::to_string(command.args.size());
}

// How many of the options stand on the line.
int count(const Command& command, std::initializer_list<const char*> options) {
    return static_cast<int>(
        std::count_if(options.begin(), options.end(), [&](const char* o) { return has(command, o); }));
}

std::string one_of(const Command& command, std::initializer_list<const char*> options, bool required) {
    std::string names;
    for (const char* option : options) names += (names.empty() ? "--" : ", --") + std::string(option);
    const int given = count(command, options);
    if (given == 0 && required)
        return "One of " + names + " options must be specified for " + command.name + " command.";
    if (given > 1) return "Only one of " + names + " options may be specified for " + command.name + " command.";
    return {};
}

// What part, raid, logvol and autopart have in common.
std::string storage(const Command& c, Level level) {
    if (has(c, "mkfsoptions") && has(c, "noformat")) return "--mkfsoptions with --noformat has no effect.";
    if (has(c, "mkfsoptions") && has(c, "fsprofile")) return "--mkfsoptions and --fsprofile cannot be used together.";
    if (c.name != "autopart" && text(c, "fstype") == "btrfs" && in_range(level, c.name == "raid" ? "R8-9" : "R8-"))
        return "Btrfs file system is not supported at level " + level_name(level);
    if (has(c, "pbkdf-time") && has(c, "pbkdf-iterations"))
        return "Only one of --pbkdf-time and --pbkdf-iterations can be specified.";
    if (has(c, "hw-passphrase") && !text(c, "luks-version").starts_with("luks2-hw-opal"))
        return "hw-passphrase may be specified only with LUKSv2 HW-OPAL encrypted devices";
    return {};
}

}  // namespace

std::string autopart(const Command& c, Level level) {
    std::string type = text(c, "type");
    std::transform(type.begin(), type.end(), type.begin(), [](unsigned char ch) { return std::tolower(ch); });
    static const std::set<std::string> types{"lvm", "btrfs", "plain", "partition", "thinp"};
    if (has(c, "type") && (!types.contains(type) || (type == "thinp" && in_range(level, "F-19"))))
        return "Invalid autopart type: '" + text(c, "type") + "' (choose from btrfs, lvm, partition, plain, thinp)";
    if (type == "btrfs" && in_range(level, "R8-"))
        return "autopart --type=btrfs is not supported at level " + level_name(level);
    if (text(c, "fstype") == "btrfs") return "autopart --fstype=btrfs is not valid, use --type=btrfs instead";
    if (has(c, "fstype") && type == "btrfs") return "autopart --fstype cannot be used with --type=btrfs";
    if (has(c, "noswap") && has(c, "hibernation")) return "Only one of --noswap and --hibernation can be specified.";
    return storage(c, level);
}

std::string bootloader(const Command& c, Level) {
    if (text(c, "boot-drive").find(',') != std::string::npos)
        return "--boot-drive accepts only one argument, got '" + text(c, "boot-drive") + "'";
    if (has(c, "sdboot") && has(c, "extlinux")) return "Only one of --sdboot and --extlinux may be specified.";
    return {};
}

std::string btrfs(const Command& c, Level) {
    static const std::set<std::string> levels{"raid0", "raid1", "raid10", "raid5", "raid6", "single",
                                              "dup",   "0",     "1",      "10",    "5",     "6"};
    for (const char* option : {"data", "metadata"})
        if (std::string level = text(c, option); has(c, option)) {
            std::transform(level.begin(), level.end(), level.begin(),
                           [](unsigned char ch) { return std::tolower(ch); });
            if (!levels.contains(level)) return "Invalid btrfs level: '" + level + "'";
        }
    if (c.args.empty()) return "btrfs must be given a mountpoint";
    if (has(c, "mkfsoptions") && (has(c, "noformat") || has(c, "useexisting")))
        return "--mkfsoptions with --noformat or --useexisting has no effect.";
    if (has(c, "subvol")) {
        if (c.args.size() < 2 && !has(c, "parent")) return "btrfs subvol requires specification of parent volume";
        if (text(c, "name").empty()) return "btrfs subvolume requires a name";
        return {};
    }
    if (c.args.size() < 2 && !has(c, "useexisting") && !has(c, "noformat"))
        return "btrfs must be given a list of partitions";
    return {};
}

std::string certificate(const Command& c, Level) {
    return has(c, "dir") || has(c, "type") ? "" : "One of --dir or --type must be specified for %certificate";
}

std::string cmdline(const Command& c, Level) {
    return has(c, "non-interactive") ? "the cmdline command does not support --non-interactive: it never asks" : "";
}

std::string device(const Command& c, Level level) {
    const std::size_t wanted = in_range(level, "R5") ? 2 : 1;
    if (c.args.size() == wanted) return {};
    return "device command requires " +
           std::string(wanted == 2 ? "two arguments: module type and name" : "a single argument") + ", has " +
           std::to_string(c.args.size());
}

std::string driverdisk(const Command& c, Level) {
    if (c.args.size() > 1) return "Only one partition may be specified for driverdisk command.";
    const int given = static_cast<int>(c.args.size()) + count(c, {"source", "biospart"});
    if (given > 1) return "Only one of --source, --biospart and a partition may be specified for driverdisk command.";
    return given == 1 ? "" : "One of --source, --biospart, or partition must be specified for driverdisk command.";
}

std::string eula(const Command& c, Level) {
    return has(c, "agreed") ? "" : "the eula command expects the --agreed option";
}

std::string harddrive(const Command& c, Level level) {
    if (in_range(level, "R9-,F33-") || count(c, {"biospart", "partition"}) == 1) return {};
    return "One of biospart or partition options must be specified.";
}

std::string ignoredisk(const Command& c, Level) {
    const auto filled = [&](const char* option) {
        const auto found = c.options.find(option);
        return found != c.options.end() && !found->second.list.empty();
    };
    const int given = filled("drives") + filled("only-use") + has(c, "interactive");
    return given == 1 ? "" : "One of --drives, --only-use, or --interactive must be specified for ignoredisk command.";
}

std::string install(const Command& c, Level) {
    if (!has(c, "root-device") || !text(c, "root-device").empty()) return {};
    return c.name + " does not accept an empty --root-device";
}

std::string key(const Command& c, Level) {
    return c.args.size() == 1 || has(c, "skip") ? "" : "key requires one argument or --skip";
}

std::string keyboard(const Command& c, Level) {
    return c.args.size() == 1 || has(c, "vckeymap") || has(c, "xlayouts") ? "" : "keyboard requires one argument";
}

std::string logging(const Command& c, Level) {
    return has(c, "port") && !has(c, "host") ? "Can't specify --port without --host." : "";
}

std::string logvol(const Command& c, Level level) {
    if (has(c, "thin") && has(c, "thinpool"))
        return "--thin and --thinpool cannot both be specified for the same logvol";
    if (has(c, "thin") && !has(c, "poolname")) return "--thin requires --poolname to specify pool name";
    if (count(c, {"chunksize", "metadatasize"}) > 0 && !has(c, "thinpool"))
        return "--chunksize and --metadatasize are for thin pools only";
    if (in_range(level, "R7-,F20-") &&
        count(c, {"useexisting", "noformat", "size", "percent", "recommended", "hibernation"}) == 0)
        return "No size given for logical volume. Use one of --useexisting, --noformat, --size, --percent, or"
               " --hibernation.";
    if (const auto percent = c.options.find("percent"); in_range(level, "R7-,F20-") && percent != c.options.end())
        if (percent->second.number < 0 || percent->second.number > 100)
            return "Percentage must be between 0 and 100, is " + std::to_string(percent->second.number);
    if (has(c, "resize") && !has(c, "useexisting"))
        return "--resize can only be used in conjunction with --useexisting";
    if (has(c, "resize") && !has(c, "size")) return "--resize requires --size to indicate new size";
    return storage(c, level);
}

std::string mount(const Command& c, Level) {
    const std::string& point = c.args.at(1);
    if (!point.starts_with('/') && point != "swap" && point != "none")
        return "Invalid mount point '" + point + "' given";
    return has(c, "mkfsoptions") && !has(c, "reformat") ? "'--mkfsoptions' requires --reformat" : "";
}

std::string network(const Command& c, Level) {
    if (has(c, "bridgeopts") && !has(c, "bridgeslaves"))
        return "Option --bridgeopts requires --bridgeslaves to be specified";
    for (const std::string& option : comma_list(text(c, "bridgeopts")))
        if (const std::size_t at = option.find('='); at == std::string::npos || at == 0 || at + 1 == option.size())
            return "Bad format of --bridgeopts, expecting key=value options separated by ',', got '" + option + "'";
    if (has(c, "bindto") && has(c, "vlanid") && !has(c, "bondslaves"))
        return "--bindto=" + text(c, "bindto") + " is not supported for this type of device";
    for (const char* option : {"ipv4-dns-search", "ipv6-dns-search", "ipv4-ignore-auto-dns", "ipv6-ignore-auto-dns"})
        if (has(c, option) && text(c, "device").empty())
            return "Option --" + std::string(option) + " requires --device to be specified";
    return {};
}

std::string nvdimm(const Command& c, Level) {
    const std::string& action = c.args.at(0);
    if (action != "reconfigure" && action != "use")
        return "invalid choice: '" + action + "' (choose from 'reconfigure', 'use')";
    if (has(c, "namespace") && has(c, "blockdevs"))
        return "Only one of --namespace and --blockdevs device specifications can be used";
    if (action == "reconfigure" && !has(c, "namespace"))
        return "Action reconfigure requires --namespace argument to be set";
    if (action == "reconfigure" && text(c, "mode") == "sector" && !has(c, "sectorsize"))
        return "Action reconfigure with mode sector requires --sectorsize argument to be set";
    if (action == "use" && count(c, {"namespace", "blockdevs"}) == 0)
        return "Action use requires --namespace or --blockdevs argument to be set";
    return {};
}

std::string ostreesetup(const Command& c, Level) {
    const std::string url = text(c, "url");
    for (const char* scheme : {"file:", "http:", "https:"})
        if (url.starts_with(scheme)) return {};
    return "ostree repos must use file, HTTP or HTTPS protocol, not '" + url + "'";
}

std::string packages(const Command& c, Level) {
    return has(c, "default") && has(c, "nobase") ? "--default and --nobase cannot be used together" : "";
}

std::string part(const Command& c, Level level) {
    if (in_range(level, "R7-,F20-") && text(c, "fstype") == "tmpfs" && count(c, {"grow", "maxsize"}) > 0)
        return "The --fstype=tmpfs option can't be used together with --grow or --maxsize";
    if (has(c, "resize") && !has(c, "onpart")) return "--resize can only be used in conjunction with --onpart";
    if (has(c, "resize") && !has(c, "size")) return "--resize requires --size to specify new size";
    return storage(c, level);
}

std::string raid(const Command& c, Level level) {
    static const std::set<std::string> known{"0", "1", "4", "5", "6", "10", "LINEAR", "STRIPE", "MIRROR"};
    std::string kind = text(c, "level");
    std::transform(kind.begin(), kind.end(), kind.begin(), [](unsigned char ch) { return std::toupper(ch); });
    if (kind.starts_with("RAID")) kind.erase(0, 4);
    if (has(c, "level") && !known.contains(kind)) return "Invalid raid level: '" + text(c, "level") + "'";
    const bool exists = has(c, "useexisting") || has(c, "noformat");
    if (c.args.size() < 2 && !exists) return "Partitions required for " + c.name;
    if (c.args.size() > 1 && has(c, "useexisting")) return "Members may not be specified for preexisting RAID device";
    if (kind.empty() && !exists) return "RAID Partition defined without RAID level";
    return storage(c, level);
}

std::string realm(const Command& c, Level) {
    if (c.words.empty()) return "Missing realm command arguments";
    if (c.words[0] != "join") return "Unsupported realm '" + c.words[0] + "' command";
    const auto is_name = [](const std::string& word) { return !word.starts_with('-'); };
    std::size_t names = 0;
    for (std::size_t at = 1; at < c.words.size(); ++at) {
        const std::string& word = c.words[at];
        static const std::set<std::string> valued{"--one-time-password", "--computer-ou", "--client-software",
                                                  "--server-software", "--membership-software"};
        if (valued.contains(word))
            ++at;
        else if (is_name(word))
            ++names;
    }
    return names == 1 ? "" : "Specify only one realm to join, got " + std::to_string(names);
}

std::string repo(const Command& c, Level level) {
    if (in_range(level, "R8-,F27-")) return one_of(c, {"baseurl", "mirrorlist", "metalink"}, false);
    return one_of(c, {"baseurl", "mirrorlist"}, in_range(level, "R-6"));
}

std::string rescue(const Command& c, Level) {
    return count(c, {"nomount", "romount"}) > 1 ? "Only one of --nomount and --romount may be specified." : "";
}

std::string rhsm(const Command& c, Level) {
    for (const std::string& key : c.options.at("activation-key").list)
        if (key.empty()) return "Empty string is not a valid activation key.";
    return {};
}

std::string rootpw(const Command& c, Level level) {
    if (has(c, "disabled")) return {};  // kickseed
    if (c.args.size() == 1 || (has(c, "lock") && in_range(level, "R7-,F18-"))) return {};
    return takes_one(c);
}

std::string services(const Command& c, Level) {
    for (const auto& [name, value] : c.options)
        if (!value.list.empty()) return {};
    return "One of --disabled or --enabled must be provided.";
}

std::string snapshot(const Command& c, Level) {
    const std::string& origin = c.args.at(0);
    const std::size_t slash = origin.find('/');
    if (slash == std::string::npos || slash == 0 || slash + 1 == origin.size() ||
        origin.find('/', slash + 1) != std::string::npos)
        return "'" + origin + "' is not the name of a thin volume, VOLGROUP/VOLUME";
    return {};
}

std::string sshpw(const Command& c, Level) {
    return c.args.size() == 1 || (has(c, "sshkey") && !c.args.empty()) ? "" : takes_one(c);
}

std::string timesource(const Command& c, Level) {
    return one_of(c, {"ntp-server", "ntp-pool", "ntp-disable"}, true);
}

std::string timezone(const Command& c, Level level) {
    if (has(c, "nontp") && has(c, "ntpservers")) return "Options --nontp and --ntpservers are mutually exclusive";
    if (c.args.empty() && in_range(level, "R-6,F-24")) return takes_one(c);
    if (c.args.empty() && c.options.empty())
        return "At least one option and/or an argument are expected for the timezone command";
    return {};
}

std::string updates(const Command& c, Level level) {
    return c.args.empty() && in_range(level, "R9-,F34-") ? "the following arguments are required: url" : "";
}

std::string url(const Command& c, Level level) {
    if (in_range(level, "R-6,F-17")) return {};
    if (in_range(level, "R7,F-26")) return one_of(c, {"url", "mirrorlist"}, true);
    return one_of(c, {"url", "mirrorlist", "metalink"}, true);
}

std::string user(const Command& c, Level) {  // kickseed's; elsewhere --name is required
    return c.args.empty() && !has(c, "name") && !has(c, "disabled") ? "user needs a name" : "";
}

std::string volgroup(const Command& c, Level) {
    if (c.args.empty()) return "volgroup must be given a VG name";
    const bool exists = has(c, "useexisting") || has(c, "noformat");
    if (c.args.size() < 2 && !exists) return "volgroup must be given a list of partitions";
    if (c.args.size() > 1 && has(c, "useexisting")) return "Members may not be specified for preexisting volgroup";
    const auto number = [&](const char* option) { return c.options.at(option).number; };
    if (has(c, "reserved-space") && number("reserved-space") <= 0)
        return "Volume group reserved space must be a positive integer, is " + std::to_string(number("reserved-space"));
    if (has(c, "reserved-percent") && (number("reserved-percent") < 1 || number("reserved-percent") > 99))
        return "Volume group reserved space percentage must be between 1 and 99, is " +
               std::to_string(number("reserved-percent"));
    return {};
}

std::string zfcp(const Command& c, Level level) {
    if (in_range(level, "R9-,F37-") && count(c, {"wwpn", "fcplun"}) == 1)
        return "Only --devnum or --devnum with --wwpn and --fcplun are allowed.";
    return {};
}

}  // namespace kickstart::checks
