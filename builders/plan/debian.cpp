// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "builders/plan/boot.hpp"
#include "builders/plan/checks.hpp"

namespace builders::plan {
namespace {

using Kind = TreeFile::Kind;

class DebianPlan {
public:
    DebianPlan(const kickstart::Recipe& recipe, const BuildOptions& options, BuildPlan& plan, Errors& errors)
        : recipe_(recipe), options_(options), plan_(plan), errors_(errors) {}

    void make() {
        choose_packages();
        sources();
        locale();
        keyboard();
        console_tables();
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
        plan_.exclude_docs = wanted.exclude_docs;
        for (const std::string& name : wanted.packages) {
            const auto bad = [](char c) {
                return !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '+' && c != '-' && c != '.' &&
                       c != ':' && c != '*' && c != '?';  // patterns, which apt resolves
            };
            if (std::any_of(name.begin(), name.end(), bad))
                refuse(errors_, line_of_package(recipe_, name),
                       "%packages: '" + name + "' cannot be the name of a Debian package");
            else
                package(name);
        }
        if (!wanted.environment.empty())
            note(line_of_package(recipe_, "^" + wanted.environment),
                 "%packages: @^" + wanted.environment + " is ignored: Debian has no environment groups");
        for (const auto& group : wanted.groups) {
            const auto found = distribution.package_groups.find(group.name);
            if (found == distribution.package_groups.end())
                note(line_of_package(recipe_, group.name),
                     "%packages: @" + group.name + " is ignored: Debian has no such group");
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
            } else if (name == usual_kernel(options_, plan_.distribution)) {
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
            if (!checked_address(repository.base_url, repository.line, what, errors_) ||
                !checked_release(repository.base_url, repository.line, what, plan_, errors_))
                return;
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
        std::string lang, list;
        for (std::string name : checked_languages(recipe_, errors_)) {
            if (name == "C") name = "C.UTF-8";
            if (name.find('.') == std::string::npos) name += ".UTF-8";
            if (lang.empty()) lang = name;
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
        const auto wanted = checked_keyboard(recipe_, errors_);
        if (!wanted) return;
        file("/etc/default/keyboard", "XKBMODEL=\"pc105\"\nXKBLAYOUT=\"" + wanted->layout + "\"\nXKBVARIANT=\"" +
                                          wanted->variant + "\"\nXKBOPTIONS=\"\"\nBACKSPACE=\"guess\"\n");
        if (core_) package("console-setup");
    }

    void time() {
        const auto zone = checked_zone(recipe_, errors_);
        if (!zone) return;
        const kickstart::Timezone& wanted = *recipe_.timezone;
        package("tzdata");
        command({"test", "-f", "/usr/share/zoneinfo/" + *zone});
        plan_.files.push_back({"/etc/localtime", "/usr/share/zoneinfo/" + *zone, 0777, 0, 0, Kind::symlink});
        file("/etc/timezone", *zone + "\n");
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
        std::set<std::string> rules;
        const auto open = [&](const std::string& port) {
            if (const auto found = checked_port(port, wanted.line, errors_))
                rules.insert(found->second + " dport " + found->first + " accept");
        };
        for (const std::string& port : wanted.ports) open(port);
        for (const std::string& service : wanted.services) {
            if (const auto found = port_of_service(service))
                open(*found);
            else
                refuse(
                    errors_, wanted.line,
                    "firewall --service=" + service +
                        ": name its port instead; known are ssh, http, https, ftp, smtp, dns, telnet, cockpit, mdns");
        }
        for (const std::string& device : wanted.trusted) {
            if (!checked_device(device, wanted.line, errors_)) continue;
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
            if (!checked_certificate(certificate, errors_)) continue;
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
        if (recipe_.bootloader && recipe_.bootloader->password)
            refuse(errors_, recipe_.bootloader->line, "bootloader --password: not built yet");
        if (!plan_boot(recipe_, options_, plan_, errors_)) return;
        const auto is_kernel = [](const std::string& name) { return name.starts_with("linux-image"); };
        if (std::none_of(plan_.packages.begin(), plan_.packages.end(), is_kernel))
            package(usual_kernel(options_, plan_.distribution));
        else
            check_kernel();
        package("initramfs-tools");
        for (const std::string& name : plan_.distribution.bootloader.at(loader_for(plan_.storage))) package(name);
        file("/etc/default/grub",
             "GRUB_DEFAULT=0\nGRUB_TIMEOUT=" + std::to_string(plan_.timeout) +
                 "\nGRUB_DISTRIBUTOR=Debian\nGRUB_CMDLINE_LINUX_DEFAULT=\"\"\nGRUB_CMDLINE_LINUX=\"" +
                 plan_.kernel_arguments +
                 "\"\nGRUB_TERMINAL=\"console serial\"\n"
                 "GRUB_SERIAL_COMMAND=\"serial --unit=0 --speed=115200\"\nGRUB_DISABLE_OS_PROBER=true\n");
        file("/etc/initramfs-tools/conf.d/xen", "MODULES=most\n");
        add_storage_tools(plan_);
    }

    // The usual kernel of other modes has no driver for what Xen emulates.
    void check_kernel() {
        const std::string &named = plan_.distribution.kernel, &wanted = usual_kernel(options_, plan_.distribution);
        if (mode_of(options_) != formats::Mode::hvm || named == wanted || !has_package(named) || has_package(wanted))
            return;
        refuse(errors_, line_of_package(recipe_, named),
               "%packages: " + named + " has no driver for the network cards that Xen emulates for mode=hvm; name " +
                   wanted + ", or choose mode=pvhvm");
    }

    // console-setup computes its tables at the first boot where there are none. Those that its package made when it was
    // installed are of another keyboard; its units take the saved ones only when they are newer than what they were
    // made from, by whole seconds as archives keep them.
    void console_tables() {
        if (!has_package("console-setup")) return;
        command({"sh", "-c",
                 "rm -f /etc/console-setup/cached_* && "
                 "touch -d '1 hour ago' /etc/default/keyboard /etc/default/console-setup && setupcon --save-only && "
                 "for part in keyboard font terminal; do test -s /etc/console-setup/cached_setup_$part.sh || "
                 "{ echo \"setupcon saved no cached_setup_$part.sh\" >&2; exit 1; }; done"});
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
