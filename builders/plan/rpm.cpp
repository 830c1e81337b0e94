// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "builders/plan/checks.hpp"

namespace builders::plan {
namespace {

using Kind = TreeFile::Kind;

void replace_all(std::string& text, const std::string& from, const std::string& to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
        text.replace(at, from.size(), to);
}

class RpmPlan {
public:
    RpmPlan(const kickstart::Recipe& recipe, const BuildOptions& options, BuildPlan& plan, Errors& errors)
        : recipe_(recipe), options_(options), plan_(plan), release_(plan.distribution), errors_(errors) {}

    void make() {
        choose_packages();
        exclude();
        modules();
        sources();
        locale();
        keyboard();
        time();
        plan_network(recipe_, plan_, errors_, core_);
        if (core_) firewall();
        selinux();
        if (core_ && (!options_.ssh_keys.empty() || !recipe_.ssh_keys.empty())) package("openssh-server");
        services();
        certificates();
        if (recipe_.default_target_graphical) graphical();
        boot();
        std::sort(plan_.packages.begin(), plan_.packages.end());
        plan_.packages.erase(std::unique(plan_.packages.begin(), plan_.packages.end()), plan_.packages.end());
    }

private:
    void file(const std::string& path, const std::string& content, unsigned mode = 0644) {
        plan_.files.push_back({path, content, mode});
    }
    void command(std::vector<std::string> argv) { plan_.commands.push_back(std::move(argv)); }
    void package(const std::string& name) { plan_.packages.push_back(name); }
    void note(int line, const std::string& message) { plan_.notes.push_back({line, message}); }
    bool systemd() const { return release_.init == "systemd"; }
    int line_of(const std::string& name) const {
        const auto found = recipe_.packages->lines.find(name);
        return found == recipe_.packages->lines.end() ? recipe_.packages->line : found->second;
    }

    // Names, globs, "name.arch", "name-version", "/usr/bin/file"; dnf reads more into other characters.
    static bool plain_package(const std::string& name) {
        const auto good = [](unsigned char c) {
            return std::isalnum(c) || std::string_view("+-._*?:/~[]").find(static_cast<char>(c)) != std::string::npos;
        };
        return !name.empty() && name[0] != '-' && std::all_of(name.begin(), name.end(), good);
    }

    void choose_packages() {
        const bool minimal = recipe_.packages && recipe_.packages->no_core;
        core_ = !minimal;
        plan_.packages = minimal ? release_.minimal_packages : release_.core_packages;
        if (!recipe_.packages) return;
        const kickstart::Packages& wanted = *recipe_.packages;
        for (const std::string& name : wanted.packages) {
            if (plain_package(name))
                package(name);
            else if (wanted.ignore_missing)
                note(line_of(name), "%packages: '" + name +
                                        "' cannot be the name of a package and is left out, as --ignoremissing says");
            else if (name.find(' ') != std::string::npos)
                refuse(errors_, line_of(name),
                       "%packages: '" + name + "' is one name with a blank; write one package a line");
            else
                refuse(errors_, line_of(name), "%packages: '" + name + "' cannot be the name of a package");
        }
        if (!wanted.environment.empty()) package("@^" + wanted.environment);
        for (const auto& group : wanted.groups)
            package("@" + group.name +
                    (group.level == "mandatory" ? " --nodefaults"
                     : group.level == "all"     ? " --optional"
                                                : ""));
        plan_.exclude_docs = wanted.exclude_docs;
        if (wanted.exclude_docs) plan_.package_options.emplace_back("tsflags=nodocs");
        if (wanted.ignore_missing) plan_.package_options.emplace_back("skip_unavailable=True");
        if (wanted.exclude_weakdeps) plan_.package_options.emplace_back("install_weak_deps=False");
        if (!wanted.languages.empty()) {
            std::string languages;
            for (const std::string& one : wanted.languages) languages += (languages.empty() ? "" : ",") + one;
            plan_.package_options.push_back("install_langs=" + languages);
        }
    }

    void exclude() {
        if (!recipe_.packages) return;
        for (const std::string& name : recipe_.packages->excluded_packages) {
            if (!plain_package(name))
                note(line_of(name),
                     "%packages: -" + name + ": cannot be the name of a package, and leaves nothing out");
            else
                plan_.excluded_packages.push_back(name);
            std::erase(plan_.packages, name);
        }
        for (const std::string& name : recipe_.packages->excluded_groups) {
            if (name == "core")
                note(line_of(name), "%packages: -@core is ignored, as the installer does; --nocore leaves it out");
            else
                plan_.excluded_packages.push_back("@" + name);
        }
    }

    void modules() {
        for (const kickstart::Command& one : recipe_.commands) {
            if (one.name != "module") continue;
            const auto value = [&](const char* name) {
                const auto found = one.options.find(name);
                return found == one.options.end() ? std::string() : found->second.text;
            };
            if (release_.level == "RHEL5" || release_.level == "RHEL6" || release_.level == "RHEL7") {
                refuse(errors_, one.line, "module: " + release_.title + " has no module streams");
                continue;
            }
            const std::string stream = value("stream");
            plan_.modules.push_back((one.options.contains("disable") ? "-" : "") + value("name") +
                                    (stream.empty() ? "" : ":" + stream));
        }
    }

    // What the installer would have put in: a variable of dnf's, or of the recipe's own writing.
    std::string filled(std::string address) const {
        replace_all(address, "$releasever", release_.release);
        replace_all(address, "$basearch", release_.architecture);
        replace_all(address, "$arch", release_.architecture);
        return address;
    }

    void add_source(const std::string& name, const std::string& kind, const std::string& address,
                    const std::string& more) {
        plan_.sources.push_back(name + " " + kind + "=" + filled(address) + more);
    }

    void source(const kickstart::Repository& wanted, const std::string& what, const std::string& name) {
        const std::string *address = nullptr, kind = !wanted.base_url.empty()      ? "baseurl"
                                                     : !wanted.mirror_list.empty() ? "mirrorlist"
                                                     : !wanted.metalink.empty()    ? "metalink"
                                                                                   : "";
        if (kind == "baseurl") address = &wanted.base_url;
        if (kind == "mirrorlist") address = &wanted.mirror_list;
        if (kind == "metalink") address = &wanted.metalink;
        if (!address) return own_repository(wanted, what);
        if (on_installer_medium(*address))
            return note(wanted.line, what + " " + *address +
                                         ": the installer's medium; the release's own repositories are "
                                         "taken instead");
        if (!checked_address(*address, wanted.line, what, errors_) ||
            !checked_release(*address, wanted.line, what, plan_, errors_))
            return;
        if (!wanted.proxy.empty()) note(wanted.line, what + " --proxy: ignored, the build host's own way out is used");
        if (!wanted.verify_ssl) note(wanted.line, what + " --noverifyssl: ignored, certificates are checked");
        std::string more;
        if (wanted.cost) more += " cost=" + std::to_string(*wanted.cost);
        for (const auto& [word, list] :
             {std::pair("includepkgs", &wanted.include_packages), std::pair("excludepkgs", &wanted.exclude_packages)}) {
            std::string names;
            for (const std::string& one : *list) names += (names.empty() ? "" : ",") + one;
            if (!names.empty()) more += std::string(" ") + word + "=" + names;
        }
        if (wanted.install) more += " installed";
        add_source(name, kind, *address, more);
    }

    // `repo --name=updates` without an address: one that the release has itself.
    void own_repository(const kickstart::Repository& wanted, const std::string& what) {
        for (const PackageSource& own : release_.repositories)
            if (own.name == wanted.name) return note(wanted.line, what + " " + own.name + ": the release's own");
        std::string known;
        for (const PackageSource& own : release_.repositories) known += (known.empty() ? "" : ", ") + own.name;
        refuse(errors_, wanted.line,
               what + (wanted.name.empty() ? "" : " --name=" + wanted.name) + ": has no address, and " +
                   release_.title + " has no such repository of its own; it has " + known);
    }

    // "x86_64", and what an old editor wrote for all PCs: "x86, AMD64, or Intel EM64T".
    static bool platform_fits(const std::string& platform) { return platform.starts_with("x86"); }

    void sources() {
        if (recipe_.platform && !platform_fits(*recipe_.platform))
            refuse(errors_, 0, "#platform=" + *recipe_.platform + ": images are " + release_.architecture);
        if (recipe_.url) source(*recipe_.url, "url", "url");
        plan_.default_sources = plan_.sources.empty();
        for (const auto& repository : recipe_.repositories)
            source(repository, "repo", repository.name.empty() ? "repo" : repository.name);
        if (plan_.default_sources)
            for (const PackageSource& own : release_.repositories) add_source(own.name, own.kind, own.address, "");
        if (options_.mirror) note(0, "mirror: ignored, the guest keeps the repositories of its release");
    }

    void locale() {
        const std::vector<std::string> languages = checked_languages(recipe_, errors_);
        std::string lang = languages.front();
        if (!systemd() && lang == "C.UTF-8") lang = "C";  // theirs does not know it
        file(systemd() ? "/etc/locale.conf" : "/etc/sysconfig/i18n", "LANG=\"" + lang + "\"\n");
        if (release_.langpack.empty()) return;
        for (const std::string& one : languages)
            if (const std::string language = one.substr(0, one.find_first_of("_.@"));
                language != "C" && language != "POSIX")
                package(release_.langpack + language);
    }

    void keyboard() {
        const auto wanted = checked_keyboard(recipe_, errors_);
        if (!wanted) return;
        if (systemd())
            file("/etc/vconsole.conf", "KEYMAP=\"" + wanted->console + "\"\n");
        else
            file("/etc/sysconfig/keyboard", "KEYTABLE=\"" + wanted->console + "\"\nKEYBOARDTYPE=\"pc\"\n");
        if (systemd() && !recipe_.keyboard->x_layouts.empty())
            file("/etc/X11/xorg.conf.d/00-keyboard.conf",
                 "Section \"InputClass\"\n    Identifier \"system-keyboard\"\n    MatchIsKeyboard \"on\"\n    Option "
                 "\"XkbLayout\" \"" +
                     wanted->layout + "\"\n    Option \"XkbVariant\" \"" + wanted->variant + "\"\nEndSection\n");
    }

    void time() {
        const auto zone = checked_zone(recipe_, errors_);
        if (!recipe_.timezone) return;
        const kickstart::Timezone& wanted = *recipe_.timezone;
        if (zone) {
            package("tzdata");
            command({"test", "-f", "/usr/share/zoneinfo/" + *zone});
            plan_.files.push_back({"/etc/localtime", "/usr/share/zoneinfo/" + *zone, 0777, 0, 0, Kind::symlink});
            file("/etc/adjtime", std::string("0.0 0 0.0\n0\n") + (wanted.utc ? "UTC\n" : "LOCAL\n"));
            if (!systemd())
                file("/etc/sysconfig/clock", "ZONE=\"" + *zone + "\"\nUTC=" + (wanted.utc ? "true" : "false") + "\n");
        }
        if (!wanted.ntp || wanted.ntp_servers.empty() || !core_) return;
        package(release_.time_keeper);
        std::string servers;
        for (const std::string& server : wanted.ntp_servers) servers += "server " + server + " iburst\n";
        if (release_.time_keeper == "ntp")
            file("/etc/ntp.conf", servers + "driftfile /var/lib/ntp/drift\nrestrict default nomodify notrap nopeer\n");
        else
            file("/etc/chrony.conf", servers + "driftfile /var/lib/chrony/drift\nmakestep 1.0 3\nrtcsync\n");
        enable(release_.time_keeper + "d", true);
    }

    void firewall() {
        if (!recipe_.firewall || recipe_.firewall->use_system_defaults) return;
        const kickstart::Firewall& wanted = *recipe_.firewall;
        if (!wanted.enabled) {
            excluded_service(release_.firewall == "firewalld" ? "firewalld" : "iptables");
            return;
        }
        std::vector<std::pair<std::string, std::string>> ports;
        for (const std::string& port : wanted.ports)
            if (const auto found = checked_port(port, wanted.line, errors_)) ports.push_back(*found);
        for (const std::string& device : wanted.trusted) checked_device(device, wanted.line, errors_);
        if (release_.firewall == "firewalld")
            firewalld(wanted, ports);
        else
            iptables(wanted, ports);
    }

    void firewalld(const kickstart::Firewall& wanted, const std::vector<std::pair<std::string, std::string>>& ports) {
        package("firewalld");
        std::vector<std::string> argv{"firewall-offline-cmd", "--enabled"};
        for (const auto& [number, protocol] : ports) argv.push_back("--add-port=" + number + "/" + protocol);
        for (const std::string& service : wanted.services) argv.push_back("--add-service=" + service);
        for (const std::string& service : wanted.removed_services) argv.push_back("--remove-service=" + service);
        command(std::move(argv));
        for (const std::string& device : wanted.trusted)
            command({"firewall-offline-cmd", "--zone=trusted", "--add-interface=" + device});
    }

    void iptables(const kickstart::Firewall& wanted, std::vector<std::pair<std::string, std::string>> ports) {
        for (const std::string& service : wanted.services) {
            const auto port = port_of_service(service);
            if (!port) {
                refuse(errors_, wanted.line, "firewall --service=" + service + ": name its port instead");
                continue;
            }
            ports.emplace_back(port->substr(0, port->find(':')), port->substr(port->find(':') + 1));
        }
        std::string text =
            "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
            "-A INPUT -m state --state ESTABLISHED,RELATED -j ACCEPT\n-A INPUT -p icmp -j ACCEPT\n"
            "-A INPUT -i lo -j ACCEPT\n";
        for (const std::string& device : wanted.trusted) text += "-A INPUT -i " + device + " -j ACCEPT\n";
        for (auto& [number, protocol] : ports) {
            std::replace(number.begin(), number.end(), '-', ':');
            text += "-A INPUT -m state --state NEW -m " + protocol + " -p " + protocol + " --dport " + number +
                    " -j ACCEPT\n";
        }
        text +=
            "-A INPUT -j REJECT --reject-with icmp-host-prohibited\n"
            "-A FORWARD -j REJECT --reject-with icmp-host-prohibited\nCOMMIT\n";
        package("iptables");
        file("/etc/sysconfig/iptables", text, 0600);
        enable("iptables", true);
    }

    void selinux() {
        const std::string mode = recipe_.selinux.value_or("enforcing");
        file("/etc/selinux/config", "SELINUX=" + mode + "\nSELINUXTYPE=targeted\n");
        if (mode == "disabled") return;
        file("/.autorelabel", "");
        note(0, "selinux: files get their labels at the first boot, which takes a minute longer");
    }

    void enable(const std::string& service, bool on) {
        if (systemd())
            command({"sh", "-c", "systemctl \"$0\" -- \"$1\" || echo \"services: there is no $1 to $0\"",
                     on ? "enable" : "disable", service});
        else
            command({"sh", "-c", "chkconfig \"$1\" \"$0\" || echo \"services: there is no $1 to turn $0\"",
                     on ? "on" : "off", service});
    }
    void excluded_service(const std::string& service) { enable(service, false); }

    void services() {
        if (!recipe_.services) return;
        const auto unit = [&](const std::string& name) {
            const std::string plain = name.ends_with(".service") ? name.substr(0, name.size() - 8) : name;
            const auto found = release_.services.find(plain);
            return found == release_.services.end() ? name : found->second;
        };
        for (const std::string& service : recipe_.services->disabled) enable(unit(service), false);
        for (const std::string& service : recipe_.services->enabled) enable(unit(service), true);
    }

    void graphical() {
        if (systemd())
            command({"systemctl", "set-default", "graphical.target"});
        else
            command({"sed", "-i", "s/^id:[0-9]:initdefault:/id:5:initdefault:/", "/etc/inittab"});
    }

    void certificates() {
        for (const kickstart::Certificate& certificate : recipe_.certificates) {
            if (!checked_certificate(certificate, errors_)) continue;
            file(certificate.dir + "/" + certificate.filename, certificate.body);
            if (certificate.dir == "/etc/pki/ca-trust/source/anchors") command({"update-ca-trust"});
        }
    }

    void loader_password(const kickstart::Bootloader& loader) {
        if (!loader.password) return;
        const bool legacy = release_.init == "sysv";
        if (!legacy && !(loader.password->crypted && loader.password->value.starts_with("grub.pbkdf2.")))
            return refuse(
                errors_, loader.line,
                "bootloader --password: GRUB 2 takes a hash of its own; make it with grub2-mkpasswd-pbkdf2 and "
                "give it with --iscrypted");
        plan_.loader_password = loader.password;
    }

    // The release's own, unless the recipe names one itself.
    void kernel(const std::string& usual) {
        const auto is_kernel = [](const std::string& name) {
            for (const char* known : {"kernel-core", "kernel-lt", "kernel-ml", "kernel-plus", "kernel-uek",
                                      "kernel-xen", "kernel-rt", "kernel-PAE", "kernel-pae"})
                if (name == known) return true;
            return false;
        };
        const auto named = std::find_if(plan_.packages.begin(), plan_.packages.end(), is_kernel);
        const auto excluded = std::find(plan_.excluded_packages.begin(), plan_.excluded_packages.end(), usual);
        if (excluded == plan_.excluded_packages.end())
            package(usual);
        else if (named == plan_.packages.end())
            refuse(errors_, line_of(usual), "%packages: -" + usual + ": name another kernel package, or none boots");
    }

    void boot() {
        const kickstart::Bootloader loader = recipe_.bootloader.value_or(kickstart::Bootloader{});
        checked_arguments(loader, errors_);
        loader_password(loader);
        if (loader.location == "partition" || loader.location == "boot")
            note(loader.line,
                 "bootloader --location=" + loader.location +
                     ": GRUB is installed where the firmware looks all the same, as nothing else would start it");
        plan_.bootloader = !(loader.location == "none" || loader.disabled);
        plan_.timeout = loader.timeout.value_or(5);
        const formats::Mode mode = options_.mode.value_or(formats::Mode::pvhvm);
        plan_.kernel_arguments = console_arguments(mode);
        if (!loader.append.empty()) plan_.kernel_arguments += " " + loader.append;
        if (!plan_.bootloader)
            return note(loader.line,
                        "bootloader: none is installed and no kernel is added; the image does not boot by itself");
        const bool paravirtual = mode == formats::Mode::pv || mode == formats::Mode::pvh;
        kernel(paravirtual ? release_.pv_kernel : release_.kernel);
        const StoragePlan& storage = plan_.storage;
        const std::string wanted = storage.layout == Layout::partitionless ? "menu"
                                   : storage.layout == Layout::hybrid      ? "hybrid"
                                   : storage.boots_by_uefi()               ? "uefi"
                                                                           : "bios";
        const auto found = release_.bootloader.find(wanted);
        if (found == release_.bootloader.end())
            return refuse(errors_, loader.line,
                          "layout=" + std::string(to_string(storage.layout)) + ": " + release_.title +
                              " has no boot loader for it; layout=mbr has one");
        for (const std::string& name : found->second) package(name);
        if (found->second.front() == "grub")
            file("/boot/grub/grub.conf", "default=0\ntimeout=" + std::to_string(plan_.timeout) + "\n");
        else
            file("/etc/default/grub",
                 "GRUB_TIMEOUT=" + std::to_string(plan_.timeout) +
                     "\nGRUB_DEFAULT=saved\nGRUB_DISABLE_SUBMENU=true\nGRUB_TERMINAL=\"console serial\"\n"
                     "GRUB_SERIAL_COMMAND=\"serial --unit=0 --speed=115200\"\nGRUB_CMDLINE_LINUX=\"" +
                     plan_.kernel_arguments + "\"\nGRUB_DISABLE_RECOVERY=\"true\"\n");
        if (release_.level != "RHEL5")  // which has no dracut
            file("/etc/dracut.conf.d/xen.conf", "hostonly=\"no\"\nadd_drivers+=\" xen-blkfront xen-netfront \"\n");
        for_each_file_system(storage, [&](const std::string&, const FileSystemPlan& system) {
            if (system.fstype == "xfs") package("xfsprogs");
            if (system.fstype == "vfat") package("dosfstools");
        });
        if (!storage.groups.empty()) package("lvm2");
    }

    const kickstart::Recipe& recipe_;
    const BuildOptions& options_;
    BuildPlan& plan_;
    const Distribution& release_;
    Errors& errors_;
    bool core_ = true;
};

}  // namespace

void plan_rpm(const kickstart::Recipe& recipe, const BuildOptions& options, BuildPlan& plan, Errors& errors) {
    RpmPlan(recipe, options, plan, errors).make();
}

}  // namespace builders::plan
