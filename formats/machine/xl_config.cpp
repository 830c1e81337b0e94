// SPDX-License-Identifier: Apache-2.0
#include "formats/machine/domain_config.hpp"

#include <algorithm>

namespace formats::machine {
namespace {

std::string on_one_line(std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
}

// xl.cfg is read by a small parser of its own: strings in double quotes, backslash escapes.
std::string quoted_text(const std::string& text) {
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') result += '\\';
        result += c == '\n' ? ' ' : c;
    }
    return result + "\"";
}

}  // namespace

std::string xl_config(const formats::Hardware& hardware, const std::vector<std::string>& disks,
                      const std::vector<std::string>& comment) {
    using formats::Mode;
    const bool paravirtual = hardware.mode == Mode::pv || hardware.mode == Mode::pvh;
    std::string text = "# " + on_one_line(hardware.description) + "\n";
    for (const std::string& line : comment) text += "# " + on_one_line(line) + "\n";
    text += "name = " + quoted_text(hardware.name) + "\n";
    text += std::string("type = \"") +
            (hardware.mode == Mode::pv    ? "pv"
             : hardware.mode == Mode::pvh ? "pvh"
                                          : "hvm") +
            "\"\n";
    text += "vcpus = " + std::to_string(hardware.vcpus) + "\n";
    text += "memory = " + std::to_string(hardware.memory_bytes >> 20) + "\n";
    text += "maxmem = " + std::to_string(hardware.memory_bytes >> 20) + "\n";
    if (paravirtual) {
        text += "bootloader = \"pygrub\"\n";
    } else {
        if (hardware.firmware == formats::Firmware::uefi) text += "firmware = \"ovmf\"\n";
        // Without the platform device the guest has no paravirtual disk and network: plain HVM.
        text += std::string("boot = \"c\"\nxen_platform_pci = ") + (hardware.mode == Mode::hvm ? "0" : "1") +
                "\nserial = \"pty\"\nvga = \"stdvga\"\nvnc = 1\n";
    }
    text += "disk = [\n";
    for (std::size_t i = 0; i < disks.size(); ++i)
        text += "    " +
                quoted_text("format=raw, vdev=xvd" + std::string(1, static_cast<char>('a' + i)) +
                            ", access=rw, target=" + disks[i]) +
                ",\n";
    text += "]\nvif = [";
    for (std::uint32_t i = 0; i < hardware.network_interfaces; ++i)
        text += (i > 0 ? ", " : "") +
                std::string(hardware.mode == Mode::hvm ? "\"bridge=xenbr0, model=e1000\"" : "\"bridge=xenbr0\"");
    text += "]\non_poweroff = \"destroy\"\non_reboot = \"restart\"\non_crash = \"restart\"\n";
    return text;
}

}  // namespace formats::machine
