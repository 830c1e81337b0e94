// SPDX-License-Identifier: Apache-2.0
#include "builders/packages/mmdebstrap.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>

#include "builders/job/errors.hpp"

namespace builders::packages {
namespace {

// Run by mmdebstrap, with the host's tools, while apt still has its indices.
constexpr const char* digest_mark = "xenkiln-package ";
constexpr const char* tell_digests =
    "dpkg-query --admindir=\"$1/var/lib/dpkg\" --show --showformat='${Package}=${Version}\\n' | "
    "APT_CONFIG=\"$MMDEBSTRAP_APT_CONFIG\" xargs -r apt-cache show 2>/dev/null | "
    "awk -F': ' '/^Package: /{p=$2; v=a=\"\"} /^Version: /{v=$2} /^Architecture: /{a=$2} "
    "/^SHA256: /{print \"xenkiln-package\", p, v, a, $2}' >&2";

std::string joined(const std::vector<std::string>& parts, const char* between) {
    std::string text;
    for (const std::string& part : parts) text += (text.empty() ? "" : between) + part;
    return text;
}

// The package that a line of apt's complains about.
std::string missing_package(const std::string& line) {
    for (const auto& [before, after] :
         {std::pair{"E: Unable to locate package ", ""}, std::pair{"E: Package '", "' has no installation candidate"},
          std::pair{"E: Couldn't find any package by glob '", "'"},
          std::pair{"E: Couldn't find any package by regex '", "'"}}) {
        if (!line.starts_with(before)) continue;
        const std::string rest = line.substr(std::string(before).size());
        return *after ? rest.substr(0, rest.find(after)) : rest;
    }
    return {};
}

// mmdebstrap's own output tells how far it is: packages to install, then each fetched, unpacked and
// set up. Download counts little, because it is the mirror's speed and not ours.
class InstallProgress {
public:
    InstallProgress(Progress& progress, std::string suite) : progress_(progress), suite_(std::move(suite)) {}

    void line(std::string_view text) {
        const std::string line(text);
        if (line.starts_with(digest_mark)) {
            std::istringstream words(line);
            std::string mark, name, version, architecture, digest;
            if (words >> mark >> name >> version >> architecture >> digest)
                digests_[name + "=" + version + ":" + architecture] = digest;
            return;
        }
        progress_.line(line);
        last_.push_back(line);
        if (last_.size() > 40) last_.erase(last_.begin());
        if (const std::string package = missing_package(line); !package.empty()) {
            missing_.insert(package);
        } else if (const std::size_t at = line.find(" newly installed"); at != std::string::npos) {
            const std::size_t begin = line.find_last_not_of("0123456789", at - 1) + 1;
            ++counts_;
            if (begin < at) expected_ += std::stoul(line.substr(begin, at - begin)) * 3;
        } else if (line.starts_with("Get:") || line.starts_with("Unpacking ") || line.starts_with("Setting up ")) {
            ++seen_;
            // The essential set comes first and the rest is counted only then: reckon with some of it.
            const double all =
                static_cast<double>(std::max<std::size_t>(expected_ + (counts_ < 2 ? 180 : 0), seen_ + 1));
            // A second count makes the whole larger; the bar does not go back for it.
            fraction_ = std::max(fraction_, std::min(0.99, static_cast<double>(seen_) / all));
            progress_.fraction(fraction_);
        }
    }

    std::string digest(const InstalledPackage& package) const {
        const auto found = digests_.find(package.name + "=" + package.version + ":" + package.architecture);
        return found == digests_.end() ? "" : found->second;
    }

    [[noreturn]] void fail(const Outcome& outcome) const {
        if (!missing_.empty())
            throw StepFailed((missing_.size() == 1 ? "package " : "packages ") +
                             joined({missing_.begin(), missing_.end()}, ", ") +
                             (missing_.size() == 1 ? " is" : " are") + " not in the repositories of " + suite_);
        for (auto line = last_.rbegin(); line != last_.rend(); ++line)
            if (line->starts_with("E: ") && line->find("mmdebstrap") == std::string::npos &&
                line->find("failed to run") == std::string::npos && !line->starts_with("E: apt-get "))
                throw StepFailed("installing packages failed: " + line->substr(3) + expired_hint(*line));
        throw StepFailed("mmdebstrap failed with exit code " + std::to_string(outcome.exit_code) +
                         (last_.empty() ? "" : ": " + last_.back()));
    }

private:
    static std::string expired_hint(const std::string& line) {
        if (line.find(" is expired") == std::string::npos) return {};
        return " The operator can take it all the same, as of a snapshot, with --accept-expired-indices.";
    }

    Progress& progress_;
    std::string suite_;
    std::vector<std::string> last_;
    std::set<std::string> missing_;
    std::map<std::string, std::string> digests_;
    std::size_t expected_ = 0, seen_ = 0, counts_ = 0;
    double fraction_ = 0;
};

std::vector<InstalledPackage> installed(const std::string& dpkg_status) {
    std::vector<InstalledPackage> packages;
    InstalledPackage current;
    bool is_installed = false;
    std::istringstream lines(dpkg_status);
    const auto finish = [&] {
        if (is_installed && !current.name.empty()) packages.push_back(current);
        current = {};
        is_installed = false;
    };
    for (std::string line; std::getline(lines, line);) {
        // Paragraphs begin with Package:, whether or not empty lines came through.
        if (line.starts_with("Package: ")) {
            finish();
            current.name = line.substr(9);
        }
        if (line.starts_with("Version: ")) current.version = line.substr(9);
        if (line.starts_with("Architecture: ")) current.architecture = line.substr(14);
        if (line.starts_with("Status: ")) is_installed = line.ends_with(" installed");
    }
    finish();
    return packages;
}

}  // namespace

std::vector<InstalledPackage> install_with_mmdebstrap(const Installation& what) {
    const BuildPlan& plan = what.plan;
    const Distribution& release = plan.distribution;
    Sandbox& sandbox = what.sandbox;
    const std::stop_token& stop = what.stop;
    Command command;
    command.argv = {"mmdebstrap",
                    "--mode=root",
                    "--verbose",  // else neither apt nor dpkg is heard, and there is no progress to tell
                    "--variant=minbase",
                    "--architectures=" + release.architecture,
                    "--components=" + joined(release.components, ","),
                    "--skip=check/empty",
                    "--skip=setup/copy-host-apt-sources-and-preferences",
                    std::string("--customize-hook=") + tell_digests,
                    "--dpkgopt=force-unsafe-io",
                    "--aptopt=APT::Install-Recommends \"false\"",
                    "--aptopt=Acquire::Languages \"none\"",
                    "--aptopt=Acquire::Retries \"3\"",
                    "--aptopt=Acquire::http::Pipeline-Depth \"0\""};  // the proxy answers one after another
    if (!plan.packages.empty()) command.argv.push_back("--include=" + joined(plan.packages, ","));
    if (what.host.expired_indices) command.argv.push_back("--aptopt=Acquire::Check-Valid-Until \"false\"");
    command.argv.insert(command.argv.end(), {release.suite, "/tree", "-"});
    command.input = joined(what.sources.lines, "\n") + "\n";
    command.environment = plain_environment();
    command.environment["HOME"] = "/tmp";

    std::vector<std::filesystem::path> keyrings{"/usr/share/keyrings", "/etc/apt/keyrings"};
    if (const auto own = what.host.keyrings.find(release.id); own != what.host.keyrings.end())
        keyrings.emplace_back(own->second);
    InstallProgress reader(what.progress, release.suite);
    const Outcome outcome = sandbox.run_tool(
        command, plan.network == Network::open ? Network::open : Network::mirrors, keyrings,
        [&](std::string_view line) { reader.line(line); }, stop);
    if (!outcome.ok()) reader.fail(outcome);

    // Nothing of the host or of the installation stays: its resolver, name, sources and options.
    sandbox.write_files(
        {{"/etc/apt/sources.list", plan.guest_sources}, {"/etc/hostname", "localhost\n"}, {"/etc/resolv.conf", ""}},
        stop);
    Command clean;
    clean.argv = {"rm", "-f", "--", "/tree/etc/apt/apt.conf.d/99mmdebstrap", "/tree/etc/dpkg/dpkg.cfg.d/99mmdebstrap"};
    sandbox.run_tool(clean, Network::none, {}, {}, stop);
    std::vector<InstalledPackage> packages = installed(sandbox.read_file("/var/lib/dpkg/status", stop));
    for (InstalledPackage& package : packages) package.sha256 = reader.digest(package);
    return packages;
}

}  // namespace builders::packages
