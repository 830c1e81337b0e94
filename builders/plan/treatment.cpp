// SPDX-License-Identifier: Apache-2.0
#include "builders/plan/plan_parts.hpp"
#include "kickstart/image_use.hpp"

namespace builders::plan {

void refuse(Errors& errors, int line, const std::string& message) {
    errors.push_back({line, 0, kickstart::Severity::error, "other", message});
}

namespace {

std::string why_not(const std::string& path) {
    if (path.starts_with("/tmp/")) return "is written by %pre while installing, and an image build has no installer";
    if (path.find("://") != std::string::npos)
        return "is an address, and addresses are not read; put its lines in its place";
    if (path.starts_with('/'))
        return "is a file of the installer's, which an image build does not have; put its lines in its place";
    return "there is no such file with the recipe; put its lines in its place";
}

}  // namespace

bool of_sane_size(const kickstart::Recipe& recipe, Errors& errors) {
    const std::size_t before = errors.size();
    const auto at_most = [&](std::size_t most, const auto& list, const char* what) {
        if (list.size() > most)
            refuse(errors, list[most].line,
                   std::string(what) + ": is used " + std::to_string(list.size()) + " times; at most " +
                       std::to_string(most) + " are planned");
    };
    at_most(200, recipe.partitions, "part");
    at_most(100, recipe.volume_groups, "volgroup");
    at_most(500, recipe.logical_volumes, "logvol");
    at_most(100, recipe.networks, "network");
    at_most(2000, recipe.users, "user");
    at_most(2000, recipe.groups, "group");
    at_most(2000, recipe.ssh_keys, "sshkey");
    at_most(500, recipe.repositories, "repo");
    at_most(1000, recipe.scripts, "%post");
    at_most(1000, recipe.certificates, "%certificate");
    for (const kickstart::VolumeGroup& group : recipe.volume_groups)
        if (group.physical_volumes.size() > 200)
            refuse(errors, group.line,
                   "volgroup " + group.name + ": has " + std::to_string(group.physical_volumes.size()) +
                       " physical volumes; at most 200 are planned");
    if (recipe.packages)
        for (const auto* list : {&recipe.packages->packages, &recipe.packages->excluded_packages})
            if (list->size() > 10'000)
                refuse(errors, recipe.packages->line,
                       "%packages: names " + std::to_string(list->size()) + " packages; at most 10000 are planned");
    return errors.size() == before;
}

void treat_commands(const kickstart::Recipe& recipe, BuildPlan& plan, Errors& errors) {
    for (const kickstart::Command& command : recipe.commands) {
        const kickstart::ImageUse use = kickstart::image_use(command.name);
        const bool rpm = plan.distribution.family == "rpm";
        if (command.name == "selinux" && !rpm)
            plan.notes.push_back(
                {command.line, "selinux: ignored, the distribution's own default stays where SELinux is not used"});
        else if (command.name == "module" && !rpm)
            refuse(errors, command.line,
                   "module: streams are of the RPM family; " + plan.distribution.title + " has none");
        else if (use.use == kickstart::Use::refused)
            refuse(errors, command.line, command.name + ": " + std::string(use.why));
        else if (use.use == kickstart::Use::ignored)
            plan.notes.push_back({command.line, command.name + ": ignored, " + std::string(use.why)});
    }
    for (const kickstart::Include& include : recipe.includes)
        refuse(errors, include.line, "%include " + include.path + ": " + why_not(include.path));
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
