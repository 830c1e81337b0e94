// SPDX-License-Identifier: Apache-2.0
#include "builders/packages/family.hpp"

#include "builders/job/errors.hpp"
#include "builders/packages/debian.hpp"

namespace builders::packages {

std::string VersionedPath::of(std::string_view version) const {
    const std::size_t at = pattern.find('*');
    return pattern.substr(0, at) + std::string(version) + pattern.substr(at + 1);
}

std::string VersionedPath::version(std::string_view path) const {
    const std::size_t before = pattern.find('*'), after = pattern.size() - before - 1;
    return std::string(path.substr(before, path.size() - before - after));
}

const Family* find_family(std::string_view name) {
    for (const Family* family : {&debian()})
        if (family->name == name) return family;
    return nullptr;
}

const Family& family_of(const BuildPlan& plan) {
    const Family* family = find_family(plan.distribution.family);
    if (!family) throw StepFailed(not_built_yet(plan).value_or("family " + plan.distribution.family + " is not known"));
    return *family;
}

}  // namespace builders::packages
