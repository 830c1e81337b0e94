// SPDX-License-Identifier: Apache-2.0
#include "kickstart/image_use.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "kickstart/command_data.hpp"

namespace kickstart {
namespace {

struct Entry {
    std::string_view command;
    Use use;
    std::string_view why = "";
};

using enum Use;
constexpr std::string_view end_state = "an image has no installer to end; the image is published instead";
constexpr std::string_view installer = "it concerns the installer's own run, and an image build has none";
constexpr std::string_view storage = "this storage is not built into images";
constexpr std::string_view payload = "another kind of payload; packages are installed here";
constexpr std::string_view subscription = "it concerns subscriptions, which belong to first boot";
constexpr std::string_view old = "it has had no effect for long";
constexpr std::string_view passwords = "passwords are hashed and shadowed as the distribution does it";

constexpr std::array entries{
    Entry{"lang", honoured, "the locale is made and set; more with --addsupport"},
    Entry{"keyboard", honoured, "the console layout, and the X one where it is named"},
    Entry{"timezone", honoured, "time zone, hardware clock, servers of --ntpservers"},
    Entry{"timesource", honoured, "the servers that keep the time"},
    Entry{"network", partly, "dhcp, static addresses and the hostname; bonds, VLANs, bridges and teams are refused"},
    Entry{"firewall", honoured,
          "nftables, firewalld or iptables, as the release has it; input is dropped but for the named services and "
          "ports"},
    Entry{"rootpw", honoured, "the password or lock is set; a well-known password keeps the image from being built"},
    Entry{"user", honoured,
          "the user is made with groups, password, keys, --uid, --gid; wheel and admin are sudo in the Debian family"},
    Entry{"group", honoured, "the group is made, with --gid"},
    Entry{"sshkey", honoured, "the key is put in, and the SSH server with it"},
    Entry{"services", honoured,
          "units are enabled and disabled; names of other families are mapped; a unit that is not there is a line of "
          "the log"},
    Entry{"bootloader", partly, "the arguments and the timeout; the loader goes to the image's own disk"},
    Entry{"zerombr", honoured, "true by nature: the disk is new"},
    Entry{"clearpart", honoured, "true by nature: the disk is new; --disklabel chooses its table"},
    Entry{"part", honoured,
          "ext2 ext3 ext4 xfs vfat swap efi biosboot pv.NAME, sizes, --grow, labels; each named disk is a disk of the "
          "VM; --onpart, --noformat, --encrypted are refused"},
    Entry{"partition", honoured, "as part"},
    Entry{"autopart", partly, "plain partitions or LVM; btrfs and thin volumes are refused"},
    Entry{"url", honoured, "packages come from there; an address of another architecture or release is refused"},
    Entry{"repo", honoured, "packages come from there, too; addresses of files and shares are refused"},
    Entry{"selinux", partly, "set in the RPM family; the distribution's own default stays where SELinux is not used"},
    Entry{"reboot", ignored, end_state},
    Entry{"poweroff", ignored, end_state},
    Entry{"halt", ignored, end_state},
    Entry{"shutdown", ignored, end_state},
    Entry{"text", ignored, installer},
    Entry{"graphical", ignored, installer},
    Entry{"cmdline", ignored, installer},
    Entry{"skipx", ignored, "no X server is installed unless %packages names one"},
    Entry{"install", ignored, installer},
    Entry{"cdrom", ignored, "packages come from the distribution's mirror"},
    Entry{"firstboot", ignored, "no first-boot assistant is installed"},
    Entry{"eula", ignored, installer},
    Entry{"logging", ignored, installer},
    Entry{"mediacheck", ignored, installer},
    Entry{"unsupported_hardware", ignored, installer},
    Entry{"key", ignored, installer},
    Entry{"rescue", ignored, installer},
    Entry{"autostep", ignored, installer},
    Entry{"interactive", ignored, installer},
    Entry{"vnc", ignored, installer},
    Entry{"rdp", ignored, installer},
    Entry{"sshpw", ignored, installer},
    Entry{"updates", ignored, installer},
    Entry{"driverdisk", ignored, installer},
    Entry{"ignoredisk", ignored, "the image has only the disks that are built"},
    Entry{"auth", ignored, passwords},
    Entry{"authconfig", ignored, passwords},
    Entry{"authselect", ignored, passwords},
    Entry{"device", ignored, old},
    Entry{"deviceprobe", ignored, old},
    Entry{"monitor", ignored, old},
    Entry{"mouse", ignored, old},
    Entry{"langsupport", partly, "its languages are added to those of lang"},
    Entry{"method", ignored, old},
    Entry{"syspurpose", ignored, subscription},
    Entry{"rhsm", ignored, subscription},
    Entry{"zipl", ignored, "it concerns IBM Z"},
    Entry{"volgroup", honoured, "LVM, with --pesize and reserved space"},
    Entry{"logvol", partly, "plain volumes; thin ones are refused"},
    Entry{"reqpart", honoured, "what the firmware needs is made in any case; --add-boot adds /boot"},
    Entry{"mount", refused, storage},
    Entry{"raid", refused, storage},
    Entry{"btrfs", refused, storage},
    Entry{"iscsi", refused, storage},
    Entry{"iscsiname", refused, storage},
    Entry{"fcoe", refused, storage},
    Entry{"zfcp", refused, storage},
    Entry{"nvdimm", refused, storage},
    Entry{"dmraid", refused, storage},
    Entry{"multipath", refused, storage},
    Entry{"snapshot", refused, storage},
    Entry{"liveimg", refused, payload},
    Entry{"ostreesetup", refused, payload},
    Entry{"ostreecontainer", refused, payload},
    Entry{"bootc", refused, payload},
    Entry{"harddrive", refused, "a disk of the build host is not read"},
    Entry{"nfs", refused, "a share is not mounted"},
    Entry{"hmc", refused, "a management console is not read"},
    Entry{"realm", refused, "joining a domain belongs to first boot"},
    Entry{"module", partly, "the streams of the RPM family's releases that have them; refused elsewhere"},
    Entry{"xconfig", partly, "--startxonboot makes the graphical target the default"},
    Entry{"upgrade", refused, "an image is always new"},
    Entry{"preseed", refused, "no debian-installer runs that would be asked"},
    Entry{"%packages", honoured, "names, groups, exclusions and patterns; --nocore, --excludedocs"},
    Entry{"%post", honoured, "run in the sandbox; --erroronfail, --log, --interpreter"},
    Entry{"%post --nochroot", partly, "it runs outside the image: only where the operator allows it, in the sandbox"},
    Entry{"%pre", partly, "it runs outside the image: only where the operator allows it, in the sandbox"},
    Entry{"%pre-install", ignored, "it runs only around an installer"},
    Entry{"%onerror", ignored, "a build that fails leaves no image"},
    Entry{"%traceback", ignored, "a build that fails leaves no image"},
    Entry{"%addon", ignored, "it is for the installer's add-ons"},
    Entry{"%anaconda", ignored, "it is for the installer's add-ons"},
    Entry{"%certificate", honoured, "the file is written; authorities are made known to the system"},
    Entry{"%include", refused, "there is no such file with the recipe; put its lines in its place"},
};

}  // namespace

ImageUse image_use(std::string_view command) {
    const auto found =
        std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.command == command; });
    return found == entries.end() ? ImageUse{} : ImageUse{found->use, found->why};
}

std::string_view use_name(Use use) {
    switch (use) {
        case honoured:
            return "honoured";
        case partly:
            return "partly honoured";
        case ignored:
            return "ignored";
        default:
            return "refused";
    }
}

std::string image_use_table() {
    std::map<std::string, std::string> levels;  // of each command, when not all know it
    for (const CommandEntry& entry : command_entries()) {
        std::string& text = levels[entry.name];
        const std::string_view known = entry.known;
        if (known != "R,F") text += (text.empty() ? "" : "; ") + std::string(known);
        if (*entry.deprecated) text += (text.empty() ? "" : "; ") + ("without effect " + std::string(entry.deprecated));
        if (*entry.removed) text += (text.empty() ? "" : "; ") + ("removed " + std::string(entry.removed));
    }
    for (const CommandEntry& entry : section_entries()) levels[entry.name];
    for (const char* name : {"%post --nochroot", "%include"}) levels[name];
    std::string table = "| command | levels | an image build | what or why |\n|---|---|---|---|\n";
    for (const auto& [name, known] : levels) {
        const ImageUse use = image_use(name);
        table += "| " + name + " | " + known + " | " + std::string(use_name(use.use)) + " | " + std::string(use.why) +
                 " |\n";
    }
    return table;
}

}  // namespace kickstart
