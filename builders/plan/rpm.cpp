// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "builders/plan/boot.hpp"
#include "builders/plan/checks.hpp"

namespace builders::plan {
namespace {

using Kind = TreeFile::Kind;

class RpmPlan {
public:
    RpmPlan(const kickstart::Recipe& recipe, const BuildOptions& options, BuildPlan& plan, Errors& errors)
        : recipe_(recipe), options_(options), plan_(plan), release_(plan.distribution), errors_(errors) {}

    void make() {
        plan_rpm_packages(recipe_, options_, plan_, errors_);
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

    void loader_password() {
        if (!recipe_.bootloader || !recipe_.bootloader->password) return;
        const kickstart::Bootloader& loader = *recipe_.bootloader;
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
            refuse(errors_, line_of_package(recipe_, usual),
                   "%packages: -" + usual + ": name another kernel package, or none boots");
    }

    void boot() {
        loader_password();
        if (!plan_boot(recipe_, options_, plan_, errors_)) return;
        kernel(usual_kernel(options_, release_));
        const auto found = release_.bootloader.find(loader_for(plan_.storage));
        if (found == release_.bootloader.end())
            return refuse(errors_, recipe_.bootloader ? recipe_.bootloader->line : 0,
                          "layout=" + std::string(to_string(plan_.storage.layout)) + ": " + release_.title +
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
        add_storage_tools(plan_);
    }

    const kickstart::Recipe& recipe_;
    const BuildOptions& options_;
    BuildPlan& plan_;
    const Distribution& release_;
    Errors& errors_;
    const bool core_ = !(recipe_.packages && recipe_.packages->no_core);
};

}  // namespace

void plan_rpm(const kickstart::Recipe& recipe, const BuildOptions& options, BuildPlan& plan, Errors& errors) {
    RpmPlan(recipe, options, plan, errors).make();
}

}  // namespace builders::plan
