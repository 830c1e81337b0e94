// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "builders/plan/checks.hpp"

namespace builders::plan {
namespace {

void replace_all(std::string& text, const std::string& from, const std::string& to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
        text.replace(at, from.size(), to);
}

class RpmPackages {
public:
    RpmPackages(const kickstart::Recipe& recipe, const BuildOptions& options, BuildPlan& plan, Errors& errors)
        : recipe_(recipe), options_(options), plan_(plan), release_(plan.distribution), errors_(errors) {}

    void make() {
        choose_packages();
        exclude();
        modules();
        sources();
    }

private:
    void package(const std::string& name) { plan_.packages.push_back(name); }
    void note(int line, const std::string& message) { plan_.notes.push_back({line, message}); }

    // Names, globs, "name.arch", "name-version", "/usr/bin/file"; dnf reads more into other characters.
    static bool plain_package(const std::string& name) {
        const auto good = [](unsigned char c) {
            return std::isalnum(c) || std::string_view("+-._*?:/~[]").find(static_cast<char>(c)) != std::string::npos;
        };
        return !name.empty() && name[0] != '-' && std::all_of(name.begin(), name.end(), good);
    }

    void choose_packages() {
        plan_.packages =
            recipe_.packages && recipe_.packages->no_core ? release_.minimal_packages : release_.core_packages;
        if (!recipe_.packages) return;
        const kickstart::Packages& wanted = *recipe_.packages;
        for (const std::string& name : wanted.packages) {
            if (plain_package(name))
                package(name);
            else if (wanted.ignore_missing)
                note(line_of_package(recipe_, name),
                     "%packages: '" + name +
                         "' cannot be the name of a package and is left out, as --ignoremissing says");
            else if (name.find(' ') != std::string::npos)
                refuse(errors_, line_of_package(recipe_, name),
                       "%packages: '" + name + "' is one name with a blank; write one package a line");
            else
                refuse(errors_, line_of_package(recipe_, name),
                       "%packages: '" + name + "' cannot be the name of a package");
        }
        if (!wanted.environment.empty()) package("@^" + wanted.environment);
        for (const auto& group : wanted.groups)
            package("@" + group.name +
                    (group.level == "mandatory" ? " --nodefaults"
                     : group.level == "all"     ? " --optional"
                                                : ""));
        plan_.exclude_docs = wanted.exclude_docs;
        if (wanted.exclude_docs) plan_.package_options.emplace_back("tsflags=nodocs");
        if (wanted.ignore_missing) plan_.package_options.emplace_back("skip_unavailable=True");
        if (wanted.exclude_weakdeps) plan_.package_options.emplace_back("install_weak_deps=False");
        if (!wanted.languages.empty()) {
            std::string languages;
            for (const std::string& one : wanted.languages) languages += (languages.empty() ? "" : ",") + one;
            plan_.package_options.push_back("install_langs=" + languages);
        }
    }

    void exclude() {
        if (!recipe_.packages) return;
        for (const std::string& name : recipe_.packages->excluded_packages) {
            if (!plain_package(name))
                note(line_of_package(recipe_, name),
                     "%packages: -" + name + ": cannot be the name of a package, and leaves nothing out");
            else
                plan_.excluded_packages.push_back(name);
            std::erase(plan_.packages, name);
        }
        for (const std::string& name : recipe_.packages->excluded_groups) {
            if (name == "core")
                note(line_of_package(recipe_, name),
                     "%packages: -@core is ignored, as the installer does; --nocore leaves it out");
            else
                plan_.excluded_packages.push_back("@" + name);
        }
    }

    void modules() {
        for (const kickstart::Command& one : recipe_.commands) {
            if (one.name != "module") continue;
            const auto value = [&](const char* name) {
                const auto found = one.options.find(name);
                return found == one.options.end() ? std::string() : found->second.text;
            };
            if (release_.level == "RHEL5" || release_.level == "RHEL6" || release_.level == "RHEL7") {
                refuse(errors_, one.line, "module: " + release_.title + " has no module streams");
                continue;
            }
            const std::string stream = value("stream");
            plan_.modules.push_back((one.options.contains("disable") ? "-" : "") + value("name") +
                                    (stream.empty() ? "" : ":" + stream));
        }
    }

    // What the installer would have put in: a variable of dnf's, or of the recipe's own writing.
    std::string filled(std::string address) const {
        replace_all(address, "$releasever", release_.release);
        replace_all(address, "$basearch", release_.architecture);
        replace_all(address, "$arch", release_.architecture);
        return address;
    }

    void add_source(const std::string& name, const std::string& kind, const std::string& address,
                    const std::string& more) {
        plan_.sources.push_back(name + " " + kind + "=" + filled(address) + more);
    }

    void source(const kickstart::Repository& wanted, const std::string& what, const std::string& name) {
        const std::string *address = nullptr, kind = !wanted.base_url.empty()      ? "baseurl"
                                                     : !wanted.mirror_list.empty() ? "mirrorlist"
                                                     : !wanted.metalink.empty()    ? "metalink"
                                                                                   : "";
        if (kind == "baseurl") address = &wanted.base_url;
        if (kind == "mirrorlist") address = &wanted.mirror_list;
        if (kind == "metalink") address = &wanted.metalink;
        if (!address) return own_repository(wanted, what);
        if (on_installer_medium(*address))
            return note(wanted.line, what + " " + *address +
                                         ": the installer's medium; the release's own repositories are "
                                         "taken instead");
        if (!checked_address(*address, wanted.line, what, errors_) ||
            !checked_release(*address, wanted.line, what, plan_, errors_))
            return;
        if (!wanted.proxy.empty()) note(wanted.line, what + " --proxy: ignored, the build host's own way out is used");
        if (!wanted.verify_ssl) note(wanted.line, what + " --noverifyssl: ignored, certificates are checked");
        std::string more;
        if (wanted.cost) more += " cost=" + std::to_string(*wanted.cost);
        for (const auto& [word, list] :
             {std::pair("includepkgs", &wanted.include_packages), std::pair("excludepkgs", &wanted.exclude_packages)}) {
            std::string names;
            for (const std::string& one : *list) names += (names.empty() ? "" : ",") + one;
            if (!names.empty()) more += std::string(" ") + word + "=" + names;
        }
        if (wanted.install) more += " installed";
        add_source(name, kind, *address, more);
    }

    // `repo --name=updates` without an address: one that the release has itself.
    void own_repository(const kickstart::Repository& wanted, const std::string& what) {
        for (const PackageSource& own : release_.repositories)
            if (own.name == wanted.name) return note(wanted.line, what + " " + own.name + ": the release's own");
        std::string known;
        for (const PackageSource& own : release_.repositories) known += (known.empty() ? "" : ", ") + own.name;
        refuse(errors_, wanted.line,
               what + (wanted.name.empty() ? "" : " --name=" + wanted.name) + ": has no address, and " +
                   release_.title + " has no such repository of its own; it has " + known);
    }

    // "x86_64", and what an old editor wrote for all PCs: "x86, AMD64, or Intel EM64T".
    static bool platform_fits(const std::string& platform) { return platform.starts_with("x86"); }

    void sources() {
        if (recipe_.platform && !platform_fits(*recipe_.platform))
            refuse(errors_, 0, "#platform=" + *recipe_.platform + ": images are " + release_.architecture);
        if (recipe_.url) source(*recipe_.url, "url", "url");
        plan_.default_sources = plan_.sources.empty();
        for (const auto& repository : recipe_.repositories)
            source(repository, "repo", repository.name.empty() ? "repo" : repository.name);
        if (plan_.default_sources)
            for (const PackageSource& own : release_.repositories) add_source(own.name, own.kind, own.address, "");
        if (options_.mirror) note(0, "mirror: ignored, the guest keeps the repositories of its release");
    }

    const kickstart::Recipe& recipe_;
    const BuildOptions& options_;
    BuildPlan& plan_;
    const Distribution& release_;
    Errors& errors_;
};

}  // namespace

void plan_rpm_packages(const kickstart::Recipe& recipe, const BuildOptions& options, BuildPlan& plan, Errors& errors) {
    RpmPackages(recipe, options, plan, errors).make();
}

}  // namespace builders::plan
