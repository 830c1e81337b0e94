// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <set>
#include <sstream>

#include "builders/plan/plan_parts.hpp"

namespace builders::plan {
namespace {

using Kind = TreeFile::Kind;

// "80" or "6000-6010", from 1 to 65535 and ascending: nft refuses all its rules for one it cannot read.
bool is_port_or_range(std::string_view text) {
    unsigned before = 1;
    const std::size_t dash = text.find('-');
    const std::string_view last = dash == std::string_view::npos ? text : text.substr(dash + 1);
    for (const std::string_view part : {text.substr(0, dash), last}) {
        unsigned port = 0;
        const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), port);
        if (error != std::errc() || end != part.data() + part.size() || port < before || port > 65535) return false;
        before = port;
    }
    return true;
}

class DebianPlan {
public:
    DebianPlan(const kickstart::Recipe& recipe, const BuildOptions& options, BuildPlan& plan, Errors& errors)
        : recipe_(recipe), options_(options), plan_(plan), errors_(errors) {}

    void make() {
        choose_packages();
        sources();
        locale();
        keyboard();
        time();
        plan_network(recipe_, plan_, errors_, core_);
        firewall();
        ssh();
        services();
        certificates();
        if (recipe_.default_target_graphical) command({"systemctl", "set-default", "graphical.target"});
        boot();
        std::sort(plan_.packages.begin(), plan_.packages.end());
        plan_.packages.erase(std::unique(plan_.packages.begin(), plan_.packages.end()), plan_.packages.end());
        exclude();
    }

private:
    void file(const std::string& path, const std::string& content, unsigned mode = 0644) {
        plan_.files.push_back({path, content, mode});
    }
    void command(std::vector<std::string> argv) { plan_.commands.push_back(std::move(argv)); }
    void package(const std::string& name) { plan_.packages.push_back(name); }
    void note(int line, const std::string& message) { plan_.notes.push_back({line, message}); }
    bool has_package(const std::string& name) const {
        return std::find(plan_.packages.begin(), plan_.packages.end(), name) != plan_.packages.end();
    }

    void choose_packages() {
        const Distribution& distribution = plan_.distribution;
        const bool minimal = recipe_.packages && recipe_.packages->no_core;
        plan_.packages = minimal ? distribution.minimal_packages : distribution.core_packages;
        core_ = !minimal;
        if (!recipe_.packages) return;
        const kickstart::Packages& wanted = *recipe_.packages;
        const auto line_of = [&](const std::string& name) {
            const auto found = wanted.lines.find(name);
            return found == wanted.lines.end() ? wanted.line : found->second;
        };
        plan_.exclude_docs = wanted.exclude_docs;
        for (const std::string& name : wanted.packages) {
            const auto bad = [](char c) {
                return !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '+' && c != '-' && c != '.' &&
                       c != ':' && c != '*' && c != '?';  // patterns, which apt resolves
            };
            if (std::any_of(name.begin(), name.end(), bad))
                refuse(errors_, line_of(name), "%packages: '" + name + "' cannot be the name of a Debian package");
            else
                package(name);
        }
        if (!wanted.environment.empty())
            note(line_of("^" + wanted.environment),
                 "%packages: @^" + wanted.environment + " is ignored: Debian has no environment groups");
        for (const auto& group : wanted.groups) {
            const auto found = distribution.package_groups.find(group.name);
            if (found == distribution.package_groups.end())
                note(line_of(group.name), "%packages: @" + group.name + " is ignored: Debian has no such group");
            else
                for (const std::string& name : found->second) package(name);
        }
        if (wanted.ignore_missing)
            note(wanted.line, "%packages --ignoremissing: a missing package fails the build all the same");
    }

    void exclude() {
        if (!recipe_.packages) return;
        for (const std::string& name : recipe_.packages->excluded_packages) {
            const auto found = std::find(plan_.packages.begin(), plan_.packages.end(), name);
            const int line = recipe_.packages->lines.at(name);
            if (found == plan_.packages.end()) {
                note(line, "%packages: -" + name + ": was not going to be installed, unless another package needs it");
            } else if (name == plan_.distribution.kernel) {
                refuse(errors_, line, "%packages: -" + name + ": name another kernel package, or none boots");
            } else {
                plan_.packages.erase(found);
            }
        }
    }

    void sources() {
        const Distribution& distribution = plan_.distribution;
        const std::string mirror = options_.mirror.value_or(distribution.guest_mirror);
        std::string components;
        for (const std::string& component : distribution.components) components += " " + component;
        plan_.guest_sources = "deb " + mirror + " " + distribution.suite + components + "\n";
        for (const std::string& companion : distribution.companions) {
            const bool security =
                companion == "-security" && !options_.mirror && !distribution.guest_security_mirror.empty();
            plan_.guest_sources += "deb " + (security ? distribution.guest_security_mirror : mirror) + " " +
                                   distribution.suite + companion + components + "\n";
        }
        const auto source = [&](const kickstart::Repository& repository, const char* what) {
            if (repository.base_url.empty())
                return refuse(errors_, repository.line,
                              std::string(what) + ": needs a base address; Debian has no mirror lists");
            if (repository.base_url.find_first_of(" \t\"'[]@") != std::string::npos ||
                !repository.base_url.starts_with("http"))
                return refuse(errors_, repository.line,
                              std::string(what) + ": '" + repository.base_url + "' is not a plain http(s) address");
            if (!repository.proxy.empty())
                note(repository.line, std::string(what) + " --proxy: ignored, the build host's own way out is used");
            if (!repository.verify_ssl)
                note(repository.line, std::string(what) + " --noverifyssl: ignored, certificates are checked");
            plan_.sources.push_back("deb " + repository.base_url + " " + distribution.suite + components);
        };
        if (recipe_.url) source(*recipe_.url, "url");
        // Beside what the recipe adds stands the distribution's own, when the recipe does not name it.
        plan_.default_sources = !recipe_.url;
        for (const auto& repository : recipe_.repositories) source(repository, "repo");
    }

    void locale() {
        std::vector<std::string> locales;
        std::string lang = recipe_.lang ? recipe_.lang->lang : "C.UTF-8";
        if (lang.find('.') == std::string::npos && lang != "C") lang += ".UTF-8";
        if (lang == "C") lang = "C.UTF-8";
        locales.push_back(lang);
        if (recipe_.lang)
            for (const std::string& more : recipe_.lang->additional)
                locales.push_back(more.find('.') == std::string::npos ? more + ".UTF-8" : more);
        std::string list;
        for (const std::string& name : locales) {
            const auto bad = [](unsigned char c) {
                return !std::isalnum(c) && c != '_' && c != '.' && c != '-' && c != '@';
            };
            if (std::any_of(name.begin(), name.end(), bad))
                return refuse(errors_, recipe_.lang->line, "lang: '" + name + "' is not a locale");
            if (name == "C.UTF-8") continue;
            list += name + " " + name.substr(name.find('.') + 1, name.find('@') - name.find('.') - 1) + "\n";
        }
        file("/etc/default/locale", "LANG=" + lang + "\n");
        if (list.empty()) return;
        package("locales");
        file("/etc/locale.gen", list);
        command({"locale-gen"});
    }

    void keyboard() {
        if (!recipe_.keyboard) return;
        std::string layout = recipe_.keyboard->vc_keymap;
        if (layout.empty() && !recipe_.keyboard->x_layouts.empty()) layout = recipe_.keyboard->x_layouts[0];
        std::string variant;
        if (const std::size_t open = layout.find(" ("); open != std::string::npos) {
            variant = layout.substr(open + 2, layout.find(')', open) - open - 2);
            layout.resize(open);
        }
        const auto bad = [](unsigned char c) { return !std::isalnum(c) && c != '-' && c != '_'; };
        if (layout.empty() || std::any_of(layout.begin(), layout.end(), bad))
            return refuse(errors_, recipe_.keyboard->line, "keyboard: '" + layout + "' is not a keyboard layout");
        layout = layout.substr(0, layout.find('-'));  // "de-nodeadkeys": the console map's name
        file("/etc/default/keyboard", "XKBMODEL=\"pc105\"\nXKBLAYOUT=\"" + layout + "\"\nXKBVARIANT=\"" + variant +
                                          "\"\nXKBOPTIONS=\"\"\nBACKSPACE=\"guess\"\n");
        if (core_) package("console-setup");
    }

    void time() {
        if (!recipe_.timezone || recipe_.timezone->zone.empty()) return;
        const kickstart::Timezone& wanted = *recipe_.timezone;
        const auto bad = [](unsigned char c) {
            return !std::isalnum(c) && c != '/' && c != '_' && c != '-' && c != '+';
        };
        if (std::any_of(wanted.zone.begin(), wanted.zone.end(), bad) || wanted.zone.starts_with('/'))
            return refuse(errors_, wanted.line, "timezone: '" + wanted.zone + "' is not a time zone");
        package("tzdata");
        command({"test", "-f", "/usr/share/zoneinfo/" + wanted.zone});
        plan_.files.push_back({"/etc/localtime", "/usr/share/zoneinfo/" + wanted.zone, 0777, 0, 0, Kind::symlink});
        file("/etc/timezone", wanted.zone + "\n");
        file("/etc/adjtime", std::string("0.0 0 0.0\n0\n") + (wanted.utc ? "UTC\n" : "LOCAL\n"));
        if (!wanted.ntp || !core_) return;
        package("systemd-timesyncd");
        if (wanted.ntp_servers.empty()) return;
        std::string servers;
        for (const std::string& server : wanted.ntp_servers) servers += " " + server;
        file("/etc/systemd/timesyncd.conf.d/10-recipe.conf", "[Time]\nNTP=" + servers.substr(1) + "\n");
    }

    void firewall() {
        if (!recipe_.firewall || !core_) return;
        const kickstart::Firewall& wanted = *recipe_.firewall;
        if (!wanted.enabled) return;
        static const std::map<std::string, std::string> ports{
            {"ssh", "22:tcp"},    {"http", "80:tcp"},          {"https", "443:tcp"}, {"ftp", "21:tcp"},
            {"smtp", "25:tcp"},   {"dns", "53:udp"},           {"telnet", "23:tcp"}, {"cockpit", "9090:tcp"},
            {"mdns", "5353:udp"}, {"dhcpv6-client", "546:udp"}};
        std::set<std::string> rules;
        const auto open = [&](const std::string& port) {
            const std::string number = port.substr(0, port.find(':')), protocol = port.substr(port.find(':') + 1);
            if (!is_port_or_range(number) || (protocol != "tcp" && protocol != "udp"))
                return refuse(
                    errors_, wanted.line,
                    "firewall --port=" + port + ": not PORT:tcp or PORT:udp, with PORT from 1 to 65535 or FIRST-LAST");
            rules.insert(protocol + " dport " + number + " accept");
        };
        for (const std::string& port : wanted.ports) open(port);
        for (const std::string& service : wanted.services) {
            if (const auto found = ports.find(service); found != ports.end())
                open(found->second);
            else
                refuse(
                    errors_, wanted.line,
                    "firewall --service=" + service +
                        ": name its port instead; known are ssh, http, https, ftp, smtp, dns, telnet, cockpit, mdns");
        }
        for (const std::string& device : wanted.trusted) {
            if (device.find_first_of("\"\n{};") != std::string::npos)
                refuse(errors_, wanted.line, "firewall --trust: '" + device + "' is not an interface");
            rules.insert("iifname \"" + device + "\" accept");
        }
        std::string text =
            "#!/usr/sbin/nft -f\nflush ruleset\n\ntable inet filter {\n    chain input {\n"
            "        type filter hook input priority filter; policy drop;\n"
            "        ct state established,related accept\n        ct state invalid drop\n"
            "        iif \"lo\" accept\n        meta l4proto { icmp, ipv6-icmp } accept\n";
        for (const std::string& rule : rules) text += "        " + rule + "\n";
        text += "    }\n}\n";
        package("nftables");
        package("netbase");  // nft asks /etc/protocols and /etc/services for names
        file("/etc/nftables.conf", text, 0755);
        command({"systemctl", "enable", "nftables.service"});
    }

    void ssh() {
        const bool keys = !options_.ssh_keys.empty() || !recipe_.ssh_keys.empty();
        if (keys && core_) package("openssh-server");
        if (!has_package("openssh-server")) return;
        file("/etc/systemd/system/ssh-host-keys.service",
             "[Unit]\nDescription=Make this machine's own SSH host keys\nBefore=ssh.service\n"
             "ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key\n\n"
             "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/bin/ssh-keygen -A\n\n"
             "[Install]\nWantedBy=multi-user.target\n");
        command({"systemctl", "enable", "ssh-host-keys.service"});
    }

    void services() {
        if (!recipe_.services) return;
        const auto unit = [&](const std::string& name) {
            const std::string plain = name.ends_with(".service") ? name.substr(0, name.size() - 8) : name;
            const auto found = plan_.distribution.services.find(plain);
            return found == plan_.distribution.services.end() ? name : found->second;
        };
        const auto set = [&](const char* what, const std::string& service) {
            command({"sh", "-c", "systemctl \"$0\" -- \"$1\" || echo \"services: there is no $1 to $0\"", what,
                     unit(service)});
        };
        for (const std::string& service : recipe_.services->disabled) set("disable", service);
        for (const std::string& service : recipe_.services->enabled) set("enable", service);
    }

    void certificates() {
        for (const kickstart::Certificate& certificate : recipe_.certificates) {
            const bool plain = !certificate.filename.empty() && certificate.filename.find('/') == std::string::npos &&
                               certificate.filename[0] != '.' && certificate.dir.starts_with('/') &&
                               certificate.dir.find("..") == std::string::npos;
            if (!plain) {
                refuse(errors_, certificate.line,
                       "%certificate: --filename and --dir must be a plain name and an absolute folder");
                continue;
            }
            file(certificate.dir + "/" + certificate.filename, certificate.body);
            if (certificate.dir != "/etc/pki/ca-trust/source/anchors" && certificate.type != "ca") continue;
            // Where Debian looks for a site's own authorities.
            package("ca-certificates");
            file("/usr/local/share/ca-certificates/" + certificate.filename.substr(0, certificate.filename.rfind('.')) +
                     ".crt",
                 certificate.body);
            command({"update-ca-certificates"});
        }
    }

    void boot() {
        const kickstart::Bootloader loader = recipe_.bootloader.value_or(kickstart::Bootloader{});
        if (loader.extlinux) refuse(errors_, loader.line, "bootloader --extlinux: GRUB is what is installed");
        if (loader.password) refuse(errors_, loader.line, "bootloader --password: not built yet");
        if (loader.location == "partition" || loader.location == "boot")
            note(loader.line,
                 "bootloader --location=" + loader.location +
                     ": GRUB is installed where the firmware looks all the same, as nothing else would start it");
        if (loader.append.find_first_of("\"'`$\\\n") != std::string::npos)
            refuse(errors_, loader.line, "bootloader --append: quotes, dollars and backslashes cannot stand in it");
        plan_.bootloader = !(loader.location == "none" || loader.disabled);
        plan_.timeout = loader.timeout.value_or(5);
        const formats::Mode mode = options_.mode.value_or(formats::Mode::pvhvm);
        const bool paravirtual = mode == formats::Mode::pv || mode == formats::Mode::pvh;
        plan_.kernel_arguments = mode == formats::Mode::pv    ? "console=hvc0"
                                 : mode == formats::Mode::pvh ? "console=tty0 console=hvc0"
                                                              : "console=tty0 console=hvc0 console=ttyS0,115200n8";
        if (!loader.append.empty()) plan_.kernel_arguments += " " + loader.append;
        if (!plan_.bootloader) {
            note(loader.line,
                 "bootloader: none is installed and no kernel is added; the image does not boot by itself");
            return;
        }
        const auto is_kernel = [](const std::string& name) { return name.starts_with("linux-image"); };
        if (std::none_of(plan_.packages.begin(), plan_.packages.end(), is_kernel))
            package(paravirtual ? plan_.distribution.pv_kernel : plan_.distribution.kernel);
        package("initramfs-tools");
        const StoragePlan& storage = plan_.storage;
        const char* loader_packages = storage.layout == Layout::partitionless ? "menu"
                                      : storage.layout == Layout::hybrid      ? "hybrid"
                                      : storage.boots_by_uefi()               ? "uefi"
                                                                              : "bios";
        for (const std::string& name : plan_.distribution.bootloader.at(loader_packages)) package(name);
        file("/etc/default/grub",
             "GRUB_DEFAULT=0\nGRUB_TIMEOUT=" + std::to_string(plan_.timeout) +
                 "\nGRUB_DISTRIBUTOR=Debian\nGRUB_CMDLINE_LINUX_DEFAULT=\"\"\nGRUB_CMDLINE_LINUX=\"" +
                 plan_.kernel_arguments +
                 "\"\nGRUB_TERMINAL=\"console serial\"\n"
                 "GRUB_SERIAL_COMMAND=\"serial --unit=0 --speed=115200\"\nGRUB_DISABLE_OS_PROBER=true\n");
        file("/etc/initramfs-tools/conf.d/xen", "MODULES=most\n");
        for_each_file_system(storage, [&](const std::string&, const FileSystemPlan& system) {
            if (system.fstype == "xfs") package("xfsprogs");
            if (system.fstype == "vfat") package("dosfstools");
        });
        if (!storage.groups.empty()) package("lvm2");
    }

    const kickstart::Recipe& recipe_;
    const BuildOptions& options_;
    BuildPlan& plan_;
    Errors& errors_;
    bool core_ = true;
};

}  // namespace

void plan_debian(const kickstart::Recipe& recipe, const BuildOptions& options, BuildPlan& plan, Errors& errors) {
    DebianPlan(recipe, options, plan, errors).make();
}

}  // namespace builders::plan
