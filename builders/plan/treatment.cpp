// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>

#include "builders/plan/plan_parts.hpp"

namespace builders::plan {
namespace {

enum class Treatment { honoured, ignored, refused };
struct Entry {
    Treatment treatment;
    const char* why = "";
};

// What becomes of each command. One that is missing here is refused: nothing is ignored silently.
const std::map<std::string, Entry>& table() {
    using enum Treatment;
    static const char* const end_state = "an image has no installer to end; the image is published instead";
    static const char* const installer = "concerns the installer's own run, and an image build has none";
    static const char* const storage = "this storage is not built into images";
    static const std::map<std::string, Entry> entries{
        {"lang", {honoured}},
        {"keyboard", {honoured}},
        {"timezone", {honoured}},
        {"timesource", {honoured}},
        {"network", {honoured}},
        {"firewall", {honoured}},
        {"rootpw", {honoured}},
        {"user", {honoured}},
        {"group", {honoured}},
        {"sshkey", {honoured}},
        {"services", {honoured}},
        {"bootloader", {honoured}},
        {"zerombr", {honoured}},
        {"clearpart", {honoured}},
        {"part", {honoured}},
        {"partition", {honoured}},
        {"autopart", {honoured}},
        {"url", {honoured}},
        {"repo", {honoured}},
        {"selinux", {ignored, "Debian images are built without SELinux"}},
        {"reboot", {ignored, end_state}},
        {"poweroff", {ignored, end_state}},
        {"halt", {ignored, end_state}},
        {"shutdown", {ignored, end_state}},
        {"text", {ignored, installer}},
        {"graphical", {ignored, installer}},
        {"cmdline", {ignored, installer}},
        {"skipx", {ignored, "no X server is installed unless %packages names one"}},
        {"install", {ignored, installer}},
        {"cdrom", {ignored, "packages come from the distribution's mirror"}},
        {"firstboot", {ignored, "no first-boot assistant is installed"}},
        {"eula", {ignored, installer}},
        {"logging", {ignored, installer}},
        {"mediacheck", {ignored, installer}},
        {"unsupported_hardware", {ignored, installer}},
        {"key", {ignored, installer}},
        {"rescue", {ignored, installer}},
        {"autostep", {ignored, installer}},
        {"interactive", {ignored, installer}},
        {"vnc", {ignored, installer}},
        {"rdp", {ignored, installer}},
        {"sshpw", {ignored, installer}},
        {"updates", {ignored, installer}},
        {"driverdisk", {ignored, installer}},
        {"ignoredisk", {ignored, "the image has only the disks that are built"}},
        {"auth", {ignored, "Debian hashes passwords with yescrypt and shadow already"}},
        {"authconfig", {ignored, "Debian hashes passwords with yescrypt and shadow already"}},
        {"authselect", {ignored, "authselect does not exist in Debian"}},
        {"device", {ignored, "deprecated"}},
        {"deviceprobe", {ignored, "deprecated"}},
        {"monitor", {ignored, "deprecated"}},
        {"mouse", {ignored, "deprecated"}},
        {"langsupport", {ignored, "deprecated"}},
        {"method", {ignored, "deprecated"}},
        {"syspurpose", {ignored, "concerns subscriptions of Red Hat"}},
        {"rhsm", {ignored, "concerns subscriptions of Red Hat"}},
        {"zipl", {ignored, "concerns IBM Z"}},
        {"volgroup", {honoured}},
        {"logvol", {honoured}},
        {"reqpart", {honoured}},
        {"mount", {refused, storage}},
        {"raid", {refused, storage}},
        {"btrfs", {refused, storage}},
        {"iscsi", {refused, storage}},
        {"iscsiname", {refused, storage}},
        {"fcoe", {refused, storage}},
        {"zfcp", {refused, storage}},
        {"nvdimm", {refused, storage}},
        {"dmraid", {refused, storage}},
        {"multipath", {refused, storage}},
        {"snapshot", {refused, storage}},
        {"liveimg", {refused, "another kind of payload; packages are installed here"}},
        {"ostreesetup", {refused, "another kind of payload; packages are installed here"}},
        {"ostreecontainer", {refused, "another kind of payload; packages are installed here"}},
        {"harddrive", {refused, "a disk of the build host is not read"}},
        {"nfs", {refused, "a share is not mounted"}},
        {"hmc", {refused, "a management console is not read"}},
        {"realm", {refused, "joining a domain belongs to first boot"}},
        {"module", {refused, "module streams do not exist in Debian"}},
        {"xconfig", {honoured}},
        {"upgrade", {refused, "an image is always new"}},
    };
    return entries;
}

}  // namespace

void refuse(Errors& errors, int line, const std::string& message) {
    errors.push_back({line, 0, kickstart::Severity::error, "other", message});
}

void treat_commands(const kickstart::Recipe& recipe, BuildPlan& plan, Errors& errors) {
    for (const kickstart::Command& command : recipe.commands) {
        const auto found = table().find(command.name);
        if (found == table().end())
            refuse(errors, command.line, command.name + ": not built into images");
        else if (found->second.treatment == Treatment::refused)
            refuse(errors, command.line, command.name + ": " + found->second.why);
        else if (found->second.treatment == Treatment::ignored)
            plan.notes.push_back({command.line, command.name + ": ignored, " + found->second.why});
    }
    for (const kickstart::Include& include : recipe.includes)
        refuse(errors, include.line,
               "%include " + include.path + ": there is no such file with the recipe; put its lines in its place");
    for (const kickstart::Opaque& other : recipe.others)
        plan.notes.push_back({other.line, "%" + other.section + ": ignored, it is for the installer's add-ons"});
    for (const kickstart::Script& script : recipe.scripts) {
        using kickstart::Section;
        const bool outside = !script.chroot;
        if (script.section == Section::post)
            plan.scripts.push_back(
                {script.line, outside, script.interpreter, script.log, script.body, script.error_on_fail});
        else if (script.section == Section::pre)
            plan.pre_scripts.push_back(
                {script.line, true, script.interpreter, script.log, script.body, script.error_on_fail});
        else
            plan.notes.push_back({script.line, "this section is ignored: it runs only around an installer"});
    }
}

}  // namespace builders::plan
