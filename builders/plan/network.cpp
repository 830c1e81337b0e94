// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cctype>
#include <sstream>

#include "builders/plan/plan_parts.hpp"

namespace builders::plan {
namespace {

std::optional<std::uint32_t> ipv4(const std::string& text) {
    std::istringstream parts(text);
    std::uint32_t address = 0;
    int count = 0;
    for (std::string part; std::getline(parts, part, '.'); ++count) {
        const bool digits = !part.empty() && part.size() <= 3 &&
                            std::all_of(part.begin(), part.end(), [](unsigned char c) { return std::isdigit(c); });
        if (!digits || std::stoul(part) > 255) return std::nullopt;
        address = address << 8 | static_cast<std::uint32_t>(std::stoul(part));
    }
    return count == 4 && !text.ends_with('.') ? std::optional(address) : std::nullopt;
}

// "255.255.255.0" → 24; nothing when its ones are not in front.
std::optional<int> prefix_of(const std::string& netmask) {
    const auto mask = ipv4(netmask);
    if (!mask) return std::nullopt;
    int prefix = 0;
    while (prefix < 32 && (*mask >> (31 - prefix) & 1U) != 0) ++prefix;
    return prefix == 32 || (*mask << prefix) == 0 ? std::optional(prefix) : std::nullopt;
}

bool looks_like_ipv6(const std::string& text) {
    return text.find(':') != std::string::npos &&
           text.find_first_not_of("0123456789abcdefABCDEF:./") == std::string::npos;
}

// One interface, in the words that networkd and netplan share.
struct Interface {
    bool dhcp4 = true, dhcp6 = false, accept_ra = true, link_local = true;
    std::vector<std::string> addresses, name_servers;
    std::string gateway;
    std::int64_t mtu = 0;
};

class NetworkPlan {
public:
    NetworkPlan(const kickstart::Recipe& recipe, BuildPlan& plan, Errors& errors)
        : recipe_(recipe), plan_(plan), errors_(errors) {}

    void make(bool core) {
        for (const kickstart::Network& wanted : recipe_.networks) take(wanted);
        host_name();
        if (interfaces_.empty()) interfaces_.emplace_back();
        plan_.hardware.network_interfaces = static_cast<std::uint32_t>(interfaces_.size());
        if (interfaces_.size() > 7)
            refuse(errors_, recipe_.networks.back().line,
                   "network: " + std::to_string(interfaces_.size()) + " interfaces; a VM of XenServer has at most 7");
        if (!core) return;
        const std::string& way = plan_.distribution.network;
        if (way == "netplan")
            netplan();
        else if (way == "ifcfg")
            ifcfg();
        else if (way == "keyfile")
            keyfile();
        else
            networkd();
    }

private:
    void file(const std::string& path, const std::string& content, unsigned mode = 0644) {
        plan_.files.push_back({path, content, mode});
    }
    void note(int line, const std::string& message) { plan_.notes.push_back({line, message}); }

    void take(const kickstart::Network& wanted) {
        const int line = wanted.line;
        if (!wanted.hostname.empty()) {
            host_name_ = wanted.hostname;
            host_name_line_ = line;
        }
        if (!wanted.compound.empty())
            return refuse(errors_, line, "network --" + wanted.compound + ": only plain interfaces are set up");
        const bool only_a_name = !wanted.hostname.empty() && wanted.device.empty() && wanted.boot_proto == "dhcp" &&
                                 recipe_.networks.size() > 1;
        if (only_a_name) return;
        Interface made;
        if (wanted.boot_proto == "static") {
            const auto prefix = prefix_of(wanted.netmask);
            if (!ipv4(wanted.ip) || !prefix)
                return refuse(errors_, line,
                              "network --bootproto=static: needs --ip and --netmask, like --ip=192.0.2.10 "
                              "--netmask=255.255.255.0; got '" +
                                  wanted.ip + "' and '" + wanted.netmask + "'");
            made.dhcp4 = false;
            made.addresses.push_back(wanted.ip + "/" + std::to_string(*prefix));
            if (!wanted.gateway.empty() && !ipv4(wanted.gateway))
                refuse(errors_, line, "network --gateway: '" + wanted.gateway + "' is not an IPv4 address");
            made.gateway = wanted.gateway;
        } else if (wanted.boot_proto != "dhcp" && wanted.boot_proto != "bootp") {
            return refuse(errors_, line, "network --bootproto=" + wanted.boot_proto + ": dhcp and static are built");
        }
        for (const std::string& server : wanted.name_servers) {
            if (!ipv4(server) && !looks_like_ipv6(server))
                refuse(errors_, line, "network --nameserver: '" + server + "' is not an address");
            made.name_servers.push_back(server);
        }
        if (!wanted.ipv4) made.dhcp4 = false;
        if (!wanted.ipv6_enabled) made.accept_ra = made.link_local = false;
        if (wanted.ipv6 == "dhcp")
            made.dhcp6 = true;
        else if (looks_like_ipv6(wanted.ipv6))
            made.addresses.push_back(wanted.ipv6.find('/') == std::string::npos ? wanted.ipv6 + "/64" : wanted.ipv6);
        else if (!wanted.ipv6.empty() && wanted.ipv6 != "auto")
            refuse(errors_, line, "network --ipv6: '" + wanted.ipv6 + "' is neither auto, dhcp nor an address");
        made.mtu = wanted.mtu.value_or(0);
        if (made.mtu != 0 && (made.mtu < 68 || made.mtu > 65535))
            refuse(errors_, line, "network --mtu=" + std::to_string(made.mtu) + ": from 68 to 65535");
        if (!wanted.device.empty() && wanted.device != "link" && wanted.device != "bootif")
            note(line, "network --device=" + wanted.device + ": is interface " +
                           std::to_string(interfaces_.size() + 1) +
                           " of the VM; names and MAC addresses differ between hosts and are not kept");
        if (!wanted.on_boot) note(line, "network --onboot=no: ignored, the interface comes up at boot");
        interfaces_.push_back(made);
    }

    void host_name() {
        const auto bad = [](unsigned char c) { return !std::isalnum(c) && c != '-' && c != '.'; };
        if (host_name_.size() > 253 || host_name_.starts_with('-') ||
            std::any_of(host_name_.begin(), host_name_.end(), bad))
            refuse(errors_, host_name_line_, "network: --hostname '" + host_name_ + "' is not a host name");
        if (plan_.distribution.init == "sysv")
            file("/etc/sysconfig/network", "NETWORKING=yes\nHOSTNAME=" + host_name_ + "\n");
        else
            file("/etc/hostname", host_name_ + "\n");
        file("/etc/hosts",
             "127.0.0.1 localhost\n127.0.1.1 " + host_name_ + "\n::1 localhost ip6-localhost ip6-loopback\n");
    }

    // enX0 under Xen, ens3 or enp0s3 elsewhere, eth0 with old names: one interface matches them all, of several each
    // by its number; never a MAC.
    std::string names(std::size_t index) const {
        if (interfaces_.size() == 1) return "en* eth*";
        const std::string number = std::to_string(index);
        return "enX" + number + " eth" + number;
    }

    void networkd() {
        for (std::size_t index = 0; index < interfaces_.size(); ++index) {
            const Interface& one = interfaces_[index];
            std::string text = "[Match]\nName=" + names(index) + "\nType=ether\n";
            if (one.mtu != 0) text += "\n[Link]\nMTUBytes=" + std::to_string(one.mtu) + "\n";
            text += std::string("\n[Network]\nDHCP=") +
                    (one.dhcp4 && one.dhcp6 ? "yes"
                     : one.dhcp4            ? (one.accept_ra ? "yes" : "ipv4")
                     : one.dhcp6            ? "ipv6"
                                            : "no") +
                    "\n";
            for (const std::string& address : one.addresses) text += "Address=" + address + "\n";
            if (!one.gateway.empty()) text += "Gateway=" + one.gateway + "\n";
            for (const std::string& server : one.name_servers) text += "DNS=" + server + "\n";
            if (!one.accept_ra) text += "IPv6AcceptRA=no\n";
            if (!one.link_local) text += "LinkLocalAddressing=no\n";
            file("/etc/systemd/network/8" + std::to_string(index) + "-ethernet.network", text);
        }
        plan_.commands.push_back({"systemctl", "enable", "systemd-networkd.service"});
    }

    void netplan() {
        const auto truth = [](bool yes) { return yes ? "true\n" : "false\n"; };
        std::string text = "network:\n  version: 2\n  renderer: networkd\n  ethernets:\n";
        for (std::size_t index = 0; index < interfaces_.size(); ++index) {
            const Interface& one = interfaces_[index];
            const std::string number = std::to_string(index);
            text += "    nic" + number + ":\n      match:\n        name: \"" +
                    (interfaces_.size() == 1 ? std::string("e*") : "e*" + number) + "\"\n";
            text += std::string("      dhcp4: ") + truth(one.dhcp4) +
                    "      dhcp6: " + truth(one.dhcp6 || (one.dhcp4 && one.accept_ra));
            if (!one.accept_ra) text += "      accept-ra: false\n";
            if (!one.link_local) text += "      link-local: []\n";
            if (one.mtu != 0) text += "      mtu: " + std::to_string(one.mtu) + "\n";
            if (!one.addresses.empty()) text += "      addresses:\n";
            for (const std::string& address : one.addresses) text += "        - \"" + address + "\"\n";
            if (!one.gateway.empty())
                text += "      routes:\n        - to: default\n          via: \"" + one.gateway + "\"\n";
            if (!one.name_servers.empty()) text += "      nameservers:\n        addresses:\n";
            for (const std::string& server : one.name_servers) text += "          - \"" + server + "\"\n";
        }
        file("/etc/netplan/10-recipe.yaml", text, 0600);
    }

    // Of several interfaces, and for the old service, each by its number; one that stands alone is any.
    void ifcfg() {
        for (std::size_t index = 0; index < interfaces_.size(); ++index) {
            const Interface& one = interfaces_[index];
            const std::string name = "eth" + std::to_string(index);
            const bool by_name = interfaces_.size() > 1 || plan_.distribution.init == "sysv";
            std::string text = (by_name ? "DEVICE=" + name + "\n" : "NAME=ethernet\n") + "TYPE=Ethernet\nONBOOT=yes\n" +
                               "BOOTPROTO=" + (one.dhcp4 ? "dhcp" : "none") + "\n";
            int ipv4s = 0;
            for (const std::string& address : one.addresses) {
                const std::size_t slash = address.find('/');
                if (looks_like_ipv6(address))
                    text += "IPV6ADDR=" + address + "\n";
                else if (ipv4s++ == 0)
                    text += "IPADDR=" + address.substr(0, slash) + "\nPREFIX=" + address.substr(slash + 1) + "\n";
            }
            if (!one.gateway.empty()) text += "GATEWAY=" + one.gateway + "\n";
            for (std::size_t i = 0; i < one.name_servers.size(); ++i)
                text += "DNS" + std::to_string(i + 1) + "=" + one.name_servers[i] + "\n";
            if (one.mtu != 0) text += "MTU=" + std::to_string(one.mtu) + "\n";
            text += std::string("IPV6INIT=") + (one.link_local ? "yes" : "no") + "\n";
            if (one.dhcp6) text += "DHCPV6C=yes\n";
            if (!one.accept_ra) text += "IPV6_AUTOCONF=no\n";
            file("/etc/sysconfig/network-scripts/ifcfg-" + (by_name ? name : "ethernet"), text);
        }
        if (plan_.distribution.init == "sysv") plan_.commands.push_back({"chkconfig", "network", "on"});
    }

    void keyfile() {
        for (std::size_t index = 0; index < interfaces_.size(); ++index) {
            const Interface& one = interfaces_[index];
            const std::string number = std::to_string(index);
            std::string text = "[connection]\nid=ethernet" + number + "\ntype=ethernet\nautoconnect=true\n";
            if (interfaces_.size() > 1) text += "\n[match]\ninterface-name=enX" + number + ";eth" + number + ";\n";
            if (one.mtu != 0) text += "\n[ethernet]\nmtu=" + std::to_string(one.mtu) + "\n";
            std::string v4, v6, dns4, dns6;
            for (const std::string& address : one.addresses)
                (looks_like_ipv6(address) ? v6 : v4) += "address1=" + address + "\n";
            for (const std::string& server : one.name_servers) (looks_like_ipv6(server) ? dns6 : dns4) += server + ";";
            text += std::string("\n[ipv4]\nmethod=") +
                    (one.dhcp4    ? "auto"
                     : v4.empty() ? "disabled"
                                  : "manual") +
                    "\n" + v4;
            if (!one.gateway.empty()) text += "gateway=" + one.gateway + "\n";
            if (!dns4.empty()) text += "dns=" + dns4 + "\n";
            text += std::string("\n[ipv6]\nmethod=") +
                    (!one.link_local && v6.empty() ? "disabled"
                     : !v6.empty()                 ? "manual"
                     : one.dhcp6                   ? "dhcp"
                     : one.accept_ra               ? "auto"
                                                   : "link-local") +
                    "\n" + v6;
            if (!dns6.empty()) text += "dns=" + dns6 + "\n";
            file("/etc/NetworkManager/system-connections/ethernet" + number + ".nmconnection", text, 0600);
        }
    }

    const kickstart::Recipe& recipe_;
    BuildPlan& plan_;
    Errors& errors_;
    std::string host_name_ = "localhost";
    int host_name_line_ = 0;
    std::vector<Interface> interfaces_;
};

}  // namespace

void plan_network(const kickstart::Recipe& recipe, BuildPlan& plan, Errors& errors, bool core) {
    NetworkPlan(recipe, plan, errors).make(core);
}

}  // namespace builders::plan
