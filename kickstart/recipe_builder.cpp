// SPDX-License-Identifier: Apache-2.0
#include "kickstart/recipe_builder.hpp"

#include <functional>
#include <unordered_map>

#include "kickstart/option_parser.hpp"

namespace kickstart {
namespace {

// Reading the options of one command.
class Options {
public:
    explicit Options(const Command& command) : command_(command) {}
    int line() const { return command_.line; }
    bool has(const std::string& name) const { return command_.options.contains(name); }
    std::string text(const std::string& name, std::string otherwise = {}) const {
        const auto found = command_.options.find(name);
        return found == command_.options.end() ? std::move(otherwise) : found->second.text;
    }
    std::vector<std::string> list(const std::string& name) const {
        const auto found = command_.options.find(name);
        return found == command_.options.end() ? std::vector<std::string>{} : found->second.list;
    }
    std::optional<std::int64_t> number(const std::string& name) const {
        const auto found = command_.options.find(name);
        if (found == command_.options.end()) return std::nullopt;
        return found->second.number;
    }
    bool boolean(const std::string& name, bool otherwise) const {
        const auto found = command_.options.find(name);
        return found == command_.options.end() ? otherwise : found->second.flag;
    }
    std::string arg(std::size_t index) const { return index < command_.args.size() ? command_.args[index] : ""; }
    const std::vector<std::string>& args() const { return command_.args; }

private:
    const Command& command_;
};

template <class Target>
void fill_partition(Target& part, const Options& o) {
    part.line = o.line();
    part.mount_point = o.arg(0);
    part.fstype = o.text("fstype");
    part.size_mib = o.number("size");
    part.max_size_mib = o.number("maxsize");
    part.grow = o.has("grow");
    part.as_primary = o.has("asprimary");
    part.recommended = o.has("recommended");
    part.hibernation = o.has("hibernation");
    part.label = o.text("label");
    part.fs_options = o.text("fsoptions");
    part.mkfs_options = o.text("mkfsoptions");
    part.fs_profile = o.text("fsprofile");
    part.disk = o.text("ondisk");
    part.on_part = o.text("onpart");
    part.no_format = o.has("noformat");
    part.encrypted = o.has("encrypted");
}

std::optional<Password> password(const std::string& value, const Options& o) {
    if (value.empty()) return std::nullopt;
    return Password{value, o.has("iscrypted")};
}

void add_partition(Recipe& r, const Options& o) {
    fill_partition(r.partitions.emplace_back(), o);
}

void add_logical_volume(Recipe& r, const Options& o) {
    LogicalVolume& volume = r.logical_volumes.emplace_back();
    fill_partition(volume, o);
    volume.name = o.text("name");
    volume.volume_group = o.text("vgname");
    volume.percent = o.number("percent");
    volume.thin = o.has("thin") || o.has("thinpool");
}

void add_volume_group(Recipe& r, const Options& o) {
    const auto& args = o.args();
    r.volume_groups.push_back({o.line(),
                               o.arg(0),
                               {args.begin() + 1, args.end()},
                               o.number("pesize"),
                               o.number("reserved-space"),
                               o.number("reserved-percent")});
}

void add_network(Recipe& r, const Options& o) {
    Network& network = r.networks.emplace_back();
    network.line = o.line();
    network.boot_proto = o.text("bootproto", "dhcp");
    network.device = o.text("device");
    network.ip = o.text("ip");
    network.netmask = o.text("netmask");
    network.gateway = o.text("gateway");
    network.name_servers = comma_list(o.text("nameserver"));
    network.hostname = o.text("hostname");
    network.ipv6 = o.text("ipv6");
    network.on_boot = o.boolean("onboot", true);
    network.activate = o.has("activate");
    network.ipv4 = !o.has("noipv4");
    network.ipv6_enabled = !o.has("noipv6");
    for (const char* kind : {"bondslaves", "vlanid", "teamslaves", "bridgeslaves", "essid"})
        if (o.has(kind)) network.compound = kind;
    if (o.has("mtu")) network.mtu = std::atoll(o.text("mtu").c_str());
}

void set_firewall(Recipe& r, const Options& o) {
    Firewall firewall;
    firewall.line = o.line();
    firewall.enabled = !o.has("disable");
    for (const std::string& port : o.list("port")) firewall.ports.push_back(port);
    firewall.services = o.list("service");
    for (const char* service : {"ssh", "http", "ftp", "smtp", "telnet"})
        if (o.has(service)) firewall.services.emplace_back(service);
    firewall.removed_services = o.list("remove-service");
    firewall.trusted = o.list("trust");
    firewall.use_system_defaults = o.has("use-system-defaults");
    r.firewall = firewall;
}

void set_root_password(Recipe& r, const Options& o) {
    r.root_password =
        RootPassword{o.line(), password(o.arg(0), o), o.has("lock") || o.has("disabled"), o.has("allow-ssh")};
}

void add_user(Recipe& r, const Options& o) {
    const std::string name = o.has("name") ? o.text("name") : o.arg(0);  // kickseed: user NAME --fullname=…
    if (name.empty()) return;                                            // kickseed: user --disabled
    r.users.push_back({o.line(), name, o.has("fullname") ? o.text("fullname") : o.text("gecos"), o.text("homedir"),
                       o.text("shell"), o.list("groups"), password(o.text("password"), o),
                       o.has("lock") || o.has("disabled"), o.number("uid"), o.number("gid")});
}

void set_bootloader(Recipe& r, const Options& o) {
    Bootloader loader;
    loader.line = o.line();
    loader.location = o.text("location", "mbr");
    loader.append = o.text("append");
    loader.timeout = o.number("timeout");
    loader.drive_order = o.list("driveorder");
    loader.boot_drive = o.text("boot-drive");
    loader.password = password(o.text("password"), o);
    loader.extlinux = o.has("extlinux");
    loader.disabled = o.has("disabled");
    r.bootloader = loader;
}

void set_clearpart(Recipe& r, const Options& o) {
    ClearPart clear;
    clear.line = o.line();
    for (const char* mode : {"all", "linux", "none"})
        if (o.has(mode)) clear.mode = mode;
    if (o.has("list")) clear.mode = "list";
    clear.init_label = o.has("initlabel");
    clear.disk_label = o.text("disklabel");
    clear.drives = o.list("drives");
    r.clear_part = clear;
}

Repository repository(const Options& o, const char* url) {
    return {o.line(),           o.text("name"),        o.text(url),           o.text("mirrorlist"),
            o.text("metalink"), o.text("proxy"),       o.list("includepkgs"), o.list("excludepkgs"),
            o.number("cost"),   !o.has("noverifyssl"), o.has("install")};
}

using Apply = void (*)(Recipe&, const Options&);

const std::unordered_map<std::string, Apply>& table() {
    static const std::unordered_map<std::string, Apply> functions{
        {"lang",
         [](Recipe& r, const Options& o) {
             r.lang = Language{o.line(), o.arg(0), o.list("addsupport")};
         }},
        {"keyboard",
         [](Recipe& r, const Options& o) {
             r.keyboard = Keyboard{o.line(), o.has("vckeymap") ? o.text("vckeymap") : o.arg(0), o.list("xlayouts")};
         }},
        {"langsupport",
         [](Recipe& r, const Options& o) {
             if (!r.lang) r.lang = Language{o.line(), o.text("default", o.arg(0)), {}};
             for (const std::string& lang : o.args())
                 if (lang != r.lang->lang) r.lang->additional.push_back(lang);
         }},
        {"timezone",
         [](Recipe& r, const Options& o) {
             r.timezone =
                 Timezone{o.line(), o.arg(0), o.has("utc") || o.has("isUtc"), !o.has("nontp"), o.list("ntpservers")};
         }},
        {"timesource",
         [](Recipe& r, const Options& o) {
             if (!r.timezone) r.timezone = Timezone{o.line()};
             if (o.has("ntp-disable")) r.timezone->ntp = false;
             for (const char* kind : {"ntp-server", "ntp-pool"})
                 if (o.has(kind)) r.timezone->ntp_servers.push_back(o.text(kind));
         }},
        {"network", add_network},
        {"firewall", set_firewall},
        {"selinux",
         [](Recipe& r, const Options& o) {
             r.selinux = o.has("disabled") ? "disabled" : o.has("permissive") ? "permissive" : "enforcing";
         }},
        {"rootpw", set_root_password},
        {"user", add_user},
        {"group",
         [](Recipe& r, const Options& o) {
             r.groups.push_back({o.line(), o.text("name"), o.number("gid")});
         }},
        {"sshkey",
         [](Recipe& r, const Options& o) {
             r.ssh_keys.push_back({o.line(), o.text("username"), o.arg(0)});
         }},
        {"services",
         [](Recipe& r, const Options& o) {
             r.services = Services{o.line(), o.list("enabled"), o.list("disabled")};
         }},
        {"bootloader", set_bootloader},
        {"zerombr", [](Recipe& r, const Options&) { r.zero_mbr = true; }},
        {"clearpart", set_clearpart},
        {"part", add_partition},
        {"partition", add_partition},
        {"volgroup", add_volume_group},
        {"logvol", add_logical_volume},
        {"autopart",
         [](Recipe& r, const Options& o) {
             r.auto_part = AutoPart{o.line(),          o.has("nolvm") ? "plain" : o.text("type"),
                                    o.text("fstype"),  o.has("nohome"),
                                    o.has("noboot"),   o.has("noswap"),
                                    o.has("encrypted")};
         }},
        {"reqpart",
         [](Recipe& r, const Options& o) {
             r.require_part = true;
             r.require_part_add_boot = o.has("add-boot");
         }},
        {"url", [](Recipe& r, const Options& o) { r.url = repository(o, "url"); }},
        {"repo", [](Recipe& r, const Options& o) { r.repositories.push_back(repository(o, "baseurl")); }},
        {"xconfig", [](Recipe& r, const Options& o) { r.default_target_graphical = o.has("startxonboot"); }},
    };
    return functions;
}

}  // namespace

void build_recipe(Recipe& recipe) {
    for (const Command& command : recipe.commands)
        if (const auto apply = table().find(command.name); apply != table().end() && !command.deprecated)
            apply->second(recipe, Options(command));
}

}  // namespace kickstart
