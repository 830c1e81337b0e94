// SPDX-License-Identifier: Apache-2.0
#include "formats/machine/mode_advice.hpp"

namespace formats::machine {

std::string mode_advice(formats::Mode mode) {
    switch (mode) {
        case formats::Mode::pvhvm:
            return "pvhvm: disk, network, interrupts and timers are paravirtual, page tables and privileged "
                   "instructions "
                   "run in hardware; only the boot is emulated. The best choice for XenServer and XCP-ng, and on every "
                   "Xen since 4.1 whose processor has VT-x or AMD-V.";
        case formats::Mode::hvm:
            return "hvm: xl.cfg leaves Xen's platform device out, so disk, network, interrupts and timers are "
                   "emulated: an "
                   "IDE disk and an e1000 card, several times slower than paravirtual ones, and at most four disks. "
                   "XenServer and XCP-ng have no such switch: there it runs as pvhvm does. Choose it only for a host "
                   "whose paravirtual devices cannot be used; otherwise pvhvm is faster with a smaller kernel.";
        case formats::Mode::pvh:
            return "pvh: like pvhvm without any emulated device, so no device model runs beside the guest: less "
                   "memory, "
                   "a smaller attack surface, a faster start. Needs plain Xen 4.10 or later; XenServer and XCP-ng have "
                   "no "
                   "supported way to start it: take pvhvm there.";
        case formats::Mode::pv:
            return "pv: everything is paravirtual, page tables and system calls too, which on 64-bit processors costs "
                   "more than the hardware does. Right where the processor has no VT-x or AMD-V, or inside another "
                   "virtual machine. XCP-ng 8.3 no longer starts such guests; elsewhere pvhvm is faster, and pvh is "
                   "what "
                   "replaces pv on plain Xen.";
    }
    return {};
}

}  // namespace formats::machine
