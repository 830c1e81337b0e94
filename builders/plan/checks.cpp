// SPDX-License-Identifier: Apache-2.0
#include "builders/plan/checks.hpp"

#include <algorithm>
#include <charconv>
#include <map>

namespace builders::plan {

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

int line_of_package(const kickstart::Recipe& recipe, const std::string& name) {
    if (!recipe.packages) return 0;
    const auto found = recipe.packages->lines.find(name);
    return found == recipe.packages->lines.end() ? recipe.packages->line : found->second;
}

std::vector<std::string> checked_languages(const kickstart::Recipe& recipe, Errors& errors) {
    std::vector<std::string> languages{recipe.lang && !recipe.lang->lang.empty() ? recipe.lang->lang : "C.UTF-8"};
    if (recipe.lang) languages.insert(languages.end(), recipe.lang->additional.begin(), recipe.lang->additional.end());
    const auto bad = [](unsigned char c) { return !std::isalnum(c) && c != '_' && c != '.' && c != '-' && c != '@'; };
    for (const std::string& name : languages)
        if (name.empty() || std::any_of(name.begin(), name.end(), bad)) {
            refuse(errors, recipe.lang->line, "lang: '" + name + "' is not a locale");
            return {"C.UTF-8"};
        }
    return languages;
}

std::optional<KeyboardLayout> checked_keyboard(const kickstart::Recipe& recipe, Errors& errors) {
    if (!recipe.keyboard) return std::nullopt;
    KeyboardLayout found;
    std::string& layout = found.layout = recipe.keyboard->vc_keymap;
    if (layout.empty() && !recipe.keyboard->x_layouts.empty()) layout = recipe.keyboard->x_layouts[0];
    if (const std::size_t open = layout.find(" ("); open != std::string::npos) {
        found.variant = layout.substr(open + 2, layout.find(')', open) - open - 2);
        layout.resize(open);
    }
    const auto bad = [](unsigned char c) { return !std::isalnum(c) && c != '-' && c != '_'; };
    if (layout.empty() || std::any_of(layout.begin(), layout.end(), bad)) {
        refuse(errors, recipe.keyboard->line, "keyboard: '" + layout + "' is not a keyboard layout");
        return std::nullopt;
    }
    found.console = layout + (found.variant.empty() ? "" : "-" + found.variant);
    layout = layout.substr(0, layout.find('-'));
    return found;
}

std::optional<std::string> checked_zone(const kickstart::Recipe& recipe, Errors& errors) {
    if (!recipe.timezone || recipe.timezone->zone.empty()) return std::nullopt;
    const std::string& zone = recipe.timezone->zone;
    const auto bad = [](unsigned char c) { return !std::isalnum(c) && c != '/' && c != '_' && c != '-' && c != '+'; };
    if (!std::any_of(zone.begin(), zone.end(), bad) && !zone.starts_with('/')) return zone;
    refuse(errors, recipe.timezone->line, "timezone: '" + zone + "' is not a time zone");
    return std::nullopt;
}

std::optional<std::string> port_of_service(const std::string& service) {
    static const std::map<std::string, std::string> ports{
        {"ssh", "22:tcp"},    {"http", "80:tcp"},          {"https", "443:tcp"}, {"ftp", "21:tcp"},
        {"smtp", "25:tcp"},   {"dns", "53:udp"},           {"telnet", "23:tcp"}, {"cockpit", "9090:tcp"},
        {"mdns", "5353:udp"}, {"dhcpv6-client", "546:udp"}};
    const auto found = ports.find(service);
    return found == ports.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::pair<std::string, std::string>> checked_port(const std::string& port, int line, Errors& errors) {
    const std::string number = port.substr(0, port.find(':')), protocol = port.substr(port.find(':') + 1);
    if (is_port_or_range(number) && (protocol == "tcp" || protocol == "udp")) return std::pair(number, protocol);
    refuse(errors, line,
           "firewall --port=" + port + ": not PORT:tcp or PORT:udp, with PORT from 1 to 65535 or FIRST-LAST");
    return std::nullopt;
}

bool checked_device(const std::string& device, int line, Errors& errors) {
    if (device.find_first_of("\"\n{}; ") == std::string::npos) return true;
    refuse(errors, line, "firewall --trust: '" + device + "' is not an interface");
    return false;
}

bool checked_certificate(const kickstart::Certificate& certificate, Errors& errors) {
    const bool plain = !certificate.filename.empty() && certificate.filename.find('/') == std::string::npos &&
                       certificate.filename[0] != '.' && certificate.dir.starts_with('/') &&
                       certificate.dir.find("..") == std::string::npos;
    if (!plain)
        refuse(errors, certificate.line,
               "%certificate: --filename and --dir must be a plain name and an absolute folder");
    return plain;
}

bool checked_address(const std::string& address, int line, const std::string& what, Errors& errors) {
    const bool plain = address.find_first_of(" \t\"'[]@\\") == std::string::npos &&
                       (address.starts_with("http://") || address.starts_with("https://"));
    if (!plain) refuse(errors, line, what + ": '" + address + "' is not a plain http(s) address");
    return plain;
}

bool checked_release(const std::string& address, int line, const std::string& what, BuildPlan& plan, Errors& errors) {
    const Distribution& release = plan.distribution;
    if (const auto foreign = foreign_architecture(address)) {
        refuse(errors, line, what + " " + address + ": is for " + *foreign + "; images are x86-64");
        return false;
    }
    const bool debian = address.find("ubuntu.com/") != std::string::npos ||
                        address.find("/ubuntu") != std::string::npos || address.find("/debian") != std::string::npos;
    if (debian && release.family == "rpm") {
        refuse(errors, line,
               what + " " + address + ": is of the Debian family, and what is installed is " + release.title);
        return false;
    }
    const Distribution* other = release_of_address(address);
    if (!other || (other->family == release.family && other->level == release.level)) return true;
    const std::string message =
        what + " " + address + ": is of " + other->title + ", and what is installed is " + release.title;
    if (what != "url" && other->family == release.family) {
        plan.notes.push_back({line, message});
        return true;
    }
    refuse(errors, line, message + "; distribution=" + other->id + " installs that one");
    return false;
}

bool checked_arguments(const kickstart::Bootloader& loader, Errors& errors) {
    const std::size_t before = errors.size();
    if (loader.extlinux) refuse(errors, loader.line, "bootloader --extlinux: GRUB is what is installed");
    if (loader.append.find_first_of("\"'`$\\\n") != std::string::npos)
        refuse(errors, loader.line, "bootloader --append: quotes, dollars and backslashes cannot stand in it");
    return errors.size() == before;
}

std::string console_arguments(formats::Mode mode) {
    return mode == formats::Mode::pv    ? "console=hvc0"
           : mode == formats::Mode::pvh ? "console=tty0 console=hvc0"
                                        : "console=tty0 console=hvc0 console=ttyS0,115200n8";
}

}  // namespace builders::plan
