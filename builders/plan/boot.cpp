// SPDX-License-Identifier: Apache-2.0
#include "builders/plan/boot.hpp"

#include "builders/plan/checks.hpp"

namespace builders::plan {

formats::Mode mode_of(const BuildOptions& options) {
    return options.mode.value_or(formats::Mode::pvhvm);
}

bool wants_loader(const kickstart::Recipe& recipe) {
    return !recipe.bootloader || !(recipe.bootloader->location == "none" || recipe.bootloader->disabled);
}

bool plan_boot(const kickstart::Recipe& recipe, const BuildOptions& options, BuildPlan& plan, Errors& errors) {
    const kickstart::Bootloader loader = recipe.bootloader.value_or(kickstart::Bootloader{});
    checked_arguments(loader, errors);
    if (loader.location == "partition" || loader.location == "boot")
        plan.notes.push_back(
            {loader.line,
             "bootloader --location=" + loader.location +
                 ": GRUB is installed where the firmware looks all the same, as nothing else would start it"});
    plan.bootloader = wants_loader(recipe);
    plan.timeout = loader.timeout.value_or(5);
    plan.kernel_arguments = console_arguments(mode_of(options));
    if (!loader.append.empty()) plan.kernel_arguments += " " + loader.append;
    if (!plan.bootloader)
        plan.notes.push_back(
            {loader.line, "bootloader: none is installed and no kernel is added; the image does not boot by itself"});
    return plan.bootloader;
}

const std::string& usual_kernel(const BuildOptions& options, const Distribution& distribution) {
    switch (mode_of(options)) {
        case formats::Mode::pv:
        case formats::Mode::pvh:
            return distribution.pv_kernel;
        case formats::Mode::hvm:
            return distribution.hvm_kernel.empty() ? distribution.kernel : distribution.hvm_kernel;
        case formats::Mode::pvhvm:
            break;
    }
    return distribution.kernel;
}

std::string loader_for(const StoragePlan& storage) {
    return storage.layout == Layout::partitionless ? "menu"
           : storage.layout == Layout::hybrid      ? "hybrid"
           : storage.boots_by_uefi()               ? "uefi"
                                                   : "bios";
}

void add_storage_tools(BuildPlan& plan) {
    for_each_file_system(plan.storage, [&](const std::string&, const FileSystemPlan& system) {
        if (system.fstype == "xfs") plan.packages.emplace_back("xfsprogs");
        if (system.fstype == "vfat") plan.packages.emplace_back("dosfstools");
    });
    if (!plan.storage.groups.empty()) plan.packages.emplace_back("lvm2");
}

}  // namespace builders::plan
