// SPDX-License-Identifier: Apache-2.0
#include "builders/plan/plan_parts.hpp"
#include "kickstart/image_use.hpp"

namespace builders::plan {

void refuse(Errors& errors, int line, const std::string& message) {
    errors.push_back({line, 0, kickstart::Severity::error, "other", message});
}

void treat_commands(const kickstart::Recipe& recipe, BuildPlan& plan, Errors& errors) {
    for (const kickstart::Command& command : recipe.commands) {
        const kickstart::ImageUse use = kickstart::image_use(command.name);
        if (use.use == kickstart::Use::refused)
            refuse(errors, command.line, command.name + ": " + std::string(use.why));
        else if (use.use == kickstart::Use::ignored)
            plan.notes.push_back({command.line, command.name + ": ignored, " + std::string(use.why)});
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
