// SPDX-License-Identifier: Apache-2.0
#include "formats/machine/domain_config.hpp"

#include "formats/machine/boot_firmware.hpp"

namespace formats::machine {

bool starts_under_kvm(const formats::Hardware& hardware, formats::BlockSource& first_disk) {
    // Its only console is hvc0, and an initramfs without a console gives up.
    if (hardware.mode == formats::Mode::pv) return false;
    const formats::BootWays ways = formats::boot_ways(first_disk);
    return hardware.firmware == formats::Firmware::uefi ? ways.uefi : ways.bios;
}

std::vector<std::string> how_to_get_disks(const std::string& image, const std::string& release,
                                          const std::vector<std::string>& paths) {
    std::vector<std::string> lines{
        "The disk is a raw file. From the release's image, on a machine with xenkiln, or from the "
        "service that has it:"};
    for (std::size_t i = 0; i < paths.size(); ++i) {
        const std::string number = paths.size() == 1 ? "" : std::to_string(i + 1);
        lines.push_back(number.empty()
                            ? "  xenkiln convert " + image + " " + paths[i]
                            : "  xenkiln convert " + image + " " + paths[i] + ", with its option disk " + number);
        lines.push_back("  curl -o " + paths[i] + " SERVICE/v1/images/" + release + "/disk.raw" +
                        (number.empty() ? "" : "?disk=" + number));
    }
    return lines;
}

}  // namespace formats::machine
