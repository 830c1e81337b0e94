// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cctype>

#include "builders/plan/plan_parts.hpp"
#include "formats/base/text.hpp"

namespace builders::plan {
namespace {

// What a recipe says that is not yet sure to be a release: where it stands, and in which words.
struct Address {
    int line;
    std::string what, text;
};

std::vector<Address> addresses(const kickstart::Recipe& recipe) {
    std::vector<Address> found;
    const auto add = [&](const kickstart::Repository& one, const char* what) {
        for (const std::string* text : {&one.base_url, &one.mirror_list, &one.metalink})
            if (!text->empty() && !on_installer_medium(*text)) found.push_back({one.line, what, *text});
    };
    if (recipe.url) add(*recipe.url, "url");
    for (const kickstart::Repository& one : recipe.repositories) add(one, "repo");
    return found;
}

// "centos/7" is in ".../CentOS/7/os" and ".../centos/7.0.1406/os", not in ".../centos/7-stream" or ".../centos/70".
bool holds(const std::string& address, const std::string& part) {
    for (std::size_t at = 0; (at = address.find(part, at)) != std::string::npos; ++at) {
        const std::size_t end = at + part.size();
        if (end == address.size()) return true;
        const char next = address[end];
        if (!std::isalnum(static_cast<unsigned char>(next)) && next != '-') return true;
    }
    return false;
}

const Distribution* named_by(const std::string& address, std::vector<std::string> Distribution::*parts) {
    // "//" within a path is one slash to every server.
    std::string plain = formats::lower(address);
    for (std::size_t at = plain.find("://") + 3; (at = plain.find("//", at)) != std::string::npos;) plain.erase(at, 1);
    for (const Distribution& one : distributions())
        for (const std::string& part : one.*parts)
            if (holds(plain, part)) return &one;
    return nullptr;
}

// What a script fetches is for the release it runs in: the release's own files, or an add-on's for it.
std::optional<NamedRelease> named_by_script(const kickstart::Recipe& recipe) {
    int looked_at = 0;  // addresses; who fetches more than so many names no release in the next
    for (const kickstart::Script& script : recipe.scripts) {
        int line = script.line;
        for (std::size_t at = 0; at < script.body.size() && looked_at < 500; ++line) {
            const std::size_t end = std::min(script.body.find('\n', at), script.body.size());
            const std::string text = script.body.substr(at, end - at);
            at = end + 1;
            const std::size_t scheme = text.find("://");
            const std::size_t begin = scheme == std::string::npos ? scheme : text.find_last_of(" \t\"'=", scheme);
            if (scheme == std::string::npos || text.find('#') < scheme) continue;
            ++looked_at;
            const std::size_t from = begin == std::string::npos ? 0 : begin + 1;
            const std::string address = text.substr(from, text.find_first_of(" \t\"'`;)", scheme) - from);
            for (const auto parts : {&Distribution::addresses, &Distribution::addons})
                if (const Distribution* found = named_by(address, parts))
                    return NamedRelease{found, line + 1, "the script that fetches " + address, false};
        }
    }
    return std::nullopt;
}

// Fedora's recipes read like those of many releases, and say that they are Fedora's by a package's name.
bool is_fedora(const kickstart::Recipe& recipe) {
    const auto says = [](const std::string& name) { return name.starts_with("fedora"); };
    for (const kickstart::Repository& one : recipe.repositories)
        if (says(one.name)) return true;
    if (!recipe.packages) return false;
    const kickstart::Packages& packages = *recipe.packages;
    return std::any_of(packages.packages.begin(), packages.packages.end(), says) ||
           std::any_of(packages.excluded_packages.begin(), packages.excluded_packages.end(), says) ||
           says(packages.environment);
}

const Distribution* of_version(const std::string& version) {
    for (const Distribution& one : distributions())
        for (const std::string& known : one.versions)
            if (known == version) return &one;
    return nullptr;
}

// A word of the name of the recipe's file with the number behind it: "centos", "7" in "centos7-desktop.ks" and in
// "centos_7.3.ks".
struct NamePattern {
    std::string_view word, id;  // the release's id begins so; empty: the release that stands for this level
};
constexpr std::array name_patterns{
    NamePattern{"centos-stream", "centos-stream-"},
    NamePattern{"centos", "centos-"},
    NamePattern{"almalinux", "almalinux-"},
    NamePattern{"alma", "almalinux-"},
    NamePattern{"rocky", "rocky-"},
    NamePattern{"rockylinux", "rocky-"},
    NamePattern{"oraclelinux", "oraclelinux-"},
    NamePattern{"oracle", "oraclelinux-"},
    NamePattern{"fedora", "fedora-"},
    NamePattern{"rhel", ""},
    NamePattern{"redhat", ""},
};

const Distribution* named_by_file(const std::string& path) {
    const std::string name = formats::lower(path.substr(path.rfind('/') + 1));
    for (const NamePattern& pattern : name_patterns)
        for (std::size_t at = 0; (at = name.find(pattern.word, at)) != std::string::npos; ++at) {
            if (at > 0 && std::isalpha(static_cast<unsigned char>(name[at - 1]))) continue;
            std::size_t digit = at + pattern.word.size();
            if (digit < name.size() && std::string_view("-_. ").find(name[digit]) != std::string_view::npos) ++digit;
            const std::size_t end = std::min(name.find_first_not_of("0123456789", digit), name.size());
            if (end == digit || end - digit > 2) continue;
            const std::string number = name.substr(digit, end - digit);
            const Distribution* found =
                pattern.id.empty() ? of_version("RHEL" + number) : find_distribution(std::string(pattern.id) + number);
            if (!found) found = pattern.word == "fedora" ? nullptr : of_version("RHEL" + number);
            if (found) return found;
        }
    return nullptr;
}

bool any_holds(const std::vector<Address>& addresses, std::string_view word) {
    return std::any_of(addresses.begin(), addresses.end(), [&](const Address& one) {
        const std::string text = formats::lower(one.text);
        return text.find(word) != std::string::npos && text.find("epel") == std::string::npos;
    });
}

// What is not of these families, and of no release known here.
bool is_of_another_family(const std::vector<Address>& addresses) {
    constexpr std::array others{"fedora", "mageia", "meego", "ubuntu", "debian", "suse", "mandriva"};
    return std::any_of(others.begin(), others.end(), [&](const char* word) { return any_holds(addresses, word); });
}

// Nothing names a release: the name of the recipe's file does, or the release whose installer is the newest that reads
// it best. With nothing but packages in it there is nothing to guess from.
std::optional<NamedRelease> guess(const kickstart::Recipe& recipe, const std::vector<Address>& addresses) {
    if (const Distribution* found = named_by_file(recipe.file))
        return NamedRelease{found, 0, "a guess: the name of the file, " + recipe.file, true};
    const bool told = recipe.version_comment && recipe.version_comment != "DEVEL";  // and it names none
    if (told || recipe.commands.empty() || is_fedora(recipe) || is_of_another_family(addresses)) return std::nullopt;
    const Distribution* found = nullptr;
    if (recipe.version.starts_with("RHEL") && any_holds(addresses, "centos"))
        found = find_distribution("centos-" + recipe.version.substr(4));
    if (!found) found = of_version(recipe.version);
    if (!found) return std::nullopt;
    return NamedRelease{found, 0, "a guess: its installer is the newest that reads the recipe best", true};
}

}  // namespace

bool on_installer_medium(const std::string& address) {
    return address.starts_with("file:///run/install/") || address.starts_with("cdrom:");
}

const Distribution* release_of_address(const std::string& address) {
    return named_by(address, &Distribution::addresses);
}

std::optional<NamedRelease> release_named(const kickstart::Recipe& recipe) {
    const std::vector<Address> all = addresses(recipe);
    for (const Address& one : all)
        if (const Distribution* found = named_by(one.text, &Distribution::addresses))
            return NamedRelease{found, one.line, one.what + " " + one.text, false};
    if (recipe.version_comment)
        if (const Distribution* found = of_version(*recipe.version_comment))
            return NamedRelease{found, 0, "#version=" + *recipe.version_comment, false};
    for (const Address& one : all)
        if (const Distribution* found = named_by(one.text, &Distribution::addons))
            return NamedRelease{found, one.line, one.what + " " + one.text, false};
    if (const auto found = named_by_script(recipe)) return found;
    return guess(recipe, all);
}

std::string no_release(const kickstart::Recipe& recipe) {
    std::string message = "distribution: the recipe does not say what to install";
    if (const std::vector<Address> all = addresses(recipe); !all.empty())
        message += "; " + all.front().what + " " + all.front().text + " in line " + std::to_string(all.front().line) +
                   " is of no release known here";
    if (recipe.version_comment) message += "; #version=" + *recipe.version_comment + " names none";
    return message;
}

std::optional<std::string> foreign_architecture(const std::string& address) {
    std::string word;
    for (const char c : formats::lower(address) + "/") {
        if (std::isalnum(static_cast<unsigned char>(c)) || c == '_') {
            word += c;
            continue;
        }
        for (const char* foreign : {"aarch64", "arm64", "armhfp", "armv7hl", "arm", "ppc64le", "ppc64", "ppc", "s390x",
                                    "s390", "riscv64", "ia64", "i386", "i486", "i586", "i686", "ia32", "x86"})
            if (word == foreign) return word;
        word.clear();
    }
    return std::nullopt;
}

}  // namespace builders::plan

namespace builders {
namespace {

const Distribution* release_to_install(const kickstart::Recipe& recipe, const BuildOptions& request) {
    std::string wished = request.distribution.value_or("");
    for (const kickstart::OptionComment& comment : recipe.options)
        if (!request.distribution && comment.key == "distribution") wished = comment.value;
    if (const Distribution* found = find_distribution(wished)) return found;
    const auto named = plan::release_named(recipe);
    return named && !named->guessed ? named->distribution : nullptr;
}

kickstart::ParseResult read_recipe(std::string_view text, const BuildOptions& request,
                                   const kickstart::ParseOptions& how) {
    kickstart::ParseResult result = kickstart::parse(text, how);
    if (result.ok() || !how.version.empty()) return result;
    const Distribution* release = release_to_install(result.recipe, request);
    if (!release || release->level.empty()) return result;
    kickstart::ParseOptions as_it_does = how;
    as_it_does.version = release->level;
    kickstart::ParseResult other = kickstart::parse(text, as_it_does);
    if (!other.ok()) return result;
    other.recipe.version_reason = "as the installer of " + release->title + " reads it";
    return other;
}

}  // namespace

std::vector<kickstart::Diagnostic> PlannedRecipe::errors() const {
    std::vector<kickstart::Diagnostic> all;
    for (const kickstart::Diagnostic& one : read.diagnostics)
        if (one.severity == kickstart::Severity::error) all.push_back(one);
    all.insert(all.end(), planned.errors.begin(), planned.errors.end());
    return all;
}

PlannedRecipe plan_recipe(std::string_view text, const BuildOptions& request, const std::string& date,
                          const kickstart::ParseOptions& how) {
    PlannedRecipe result;
    result.read = read_recipe(text, request, how);
    result.planned = plan_build(result.read.recipe, request, date);
    return result;
}

}  // namespace builders
