// SPDX-License-Identifier: Apache-2.0
#include "builders/packages/apt_sources.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>

#include "builders/job/errors.hpp"

namespace builders::packages {
namespace {

constexpr const char* debian_keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

std::vector<std::string> words_of(const std::string& text) {
    std::istringstream stream(text);
    return {std::istream_iterator<std::string>(stream), {}};
}

std::string without_credentials(const std::string& uri) {
    const std::size_t scheme = uri.find("://");
    if (scheme == std::string::npos) return uri;
    const std::size_t host = scheme + 3, slash = uri.find('/', host);
    const std::size_t at = uri.rfind('@', slash);
    if (at == std::string::npos || at < host) return uri;
    return uri.substr(0, host) + uri.substr(at + 1);
}

std::string base_suite(std::string suite) {
    for (const char* ending : {"-updates", "-security", "/updates", "-backports", "-proposed-updates"})
        if (suite.ends_with(ending)) suite.resize(suite.size() - std::string(ending).size());
    return suite;
}

bool is_debian(const AptSource& source) {
    constexpr std::array suites{"buster", "bullseye", "bookworm", "trixie",   "forky",
                                "sid",    "stable",   "testing",  "unstable", "oldstable"};
    if (std::find(suites.begin(), suites.end(), base_suite(source.suite)) == suites.end()) return false;
    if (source.signed_by.find("debian-archive") != std::string::npos) return true;
    std::string path = source.uri;
    while (path.ends_with('/')) path.pop_back();
    return path.ends_with("/debian") || path.ends_with("/debian-security");
}

std::string read(const std::filesystem::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

std::string AptSource::line() const {
    std::string text = "deb ";
    if (!signed_by.empty()) text += "[signed-by=" + signed_by + "] ";
    text += uri + " " + suite;
    for (const std::string& component : components) text += " " + component;
    return text;
}

std::vector<AptSource> parse_one_line(std::string_view text) {
    std::vector<AptSource> sources;
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);) {
        line = line.substr(0, line.find('#'));
        AptSource source;
        if (const std::size_t open = line.find('['); open != std::string::npos) {
            const std::size_t close = line.find(']', open);
            if (close == std::string::npos) continue;
            for (const std::string& option : words_of(line.substr(open + 1, close - open - 1)))
                if (option.starts_with("signed-by=")) source.signed_by = option.substr(10);
            line.erase(open, close - open + 1);
        }
        const std::vector<std::string> words = words_of(line);
        if (words.size() < 3 || words[0] != "deb") continue;
        source.uri = without_credentials(words[1]);
        source.suite = words[2];
        source.components.assign(words.begin() + 3, words.end());
        sources.push_back(source);
    }
    return sources;
}

std::vector<AptSource> parse_deb822(std::string_view text) {
    std::vector<AptSource> sources;
    std::map<std::string, std::string> fields;
    std::string last;
    const auto finish = [&] {
        const std::vector<std::string> types = words_of(fields["types"]);
        if (std::find(types.begin(), types.end(), "deb") != types.end() && fields["enabled"] != "no")
            for (const std::string& uri : words_of(fields["uris"]))
                for (const std::string& suite : words_of(fields["suites"])) {
                    AptSource source{without_credentials(uri), suite, words_of(fields["components"])};
                    // An inlined key block stands on several lines; only a path can be passed on.
                    const std::vector<std::string> keys = words_of(fields["signed-by"]);
                    if (keys.size() == 1 && keys[0].starts_with('/')) source.signed_by = keys[0];
                    sources.push_back(source);
                }
        fields.clear();
        last.clear();
    };
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with('#')) continue;
        if (line.find_first_not_of(" \t\r") == std::string::npos) {
            finish();
        } else if (line[0] == ' ' || line[0] == '\t') {
            if (!last.empty()) fields[last] += " " + line;
        } else if (const std::size_t colon = line.find(':'); colon != std::string::npos) {
            last = line.substr(0, colon);
            std::transform(last.begin(), last.end(), last.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
            const std::vector<std::string> value = words_of(line.substr(colon + 1));
            fields[last].clear();
            for (const std::string& word : value) fields[last] += (fields[last].empty() ? "" : " ") + word;
        }
    }
    finish();
    return sources;
}

std::vector<AptSource> debian_sources(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> files;
    std::error_code none;
    if (std::filesystem::exists(folder / "sources.list")) files.push_back(folder / "sources.list");
    for (const auto& entry : std::filesystem::directory_iterator(folder / "sources.list.d", none))
        files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    std::vector<AptSource> found;
    for (const auto& file : files) {
        const bool modern = file.extension() == ".sources";
        if (!modern && file.extension() != ".list") continue;
        for (const AptSource& source : modern ? parse_deb822(read(file)) : parse_one_line(read(file)))
            if (is_debian(source)) found.push_back(source);
    }
    return found;
}

std::vector<network::Repository> repositories_of(const std::vector<std::string>& apt_lines, bool trusted) {
    std::string text;
    for (const std::string& line : apt_lines) text += line + "\n";
    std::vector<network::Repository> repositories;
    for (const AptSource& source : parse_one_line(text)) repositories.push_back({source.uri, trusted});
    return repositories;
}

namespace {

// The Debian entries among the host's own for `suite`, its -updates and -security companions included where the host
// has them.
std::vector<std::string> host_debian_sources(const std::string& suite) {
    const std::vector<AptSource> host = debian_sources("/etc/apt");
    std::vector<std::string> lines;
    std::set<std::string> plain, security;
    for (const AptSource& source : host)
        (source.suite.find("security") != std::string::npos || source.suite.ends_with("/updates") ? security : plain)
            .insert(source.uri);
    if (plain.empty())
        throw HostNotReady(
            "this machine's apt has no Debian sources to install from; add one to "
            "/etc/apt/sources.list.d, or name one in the recipe with url --url=…");
    const auto add = [&](const std::string& uri, const std::string& name) {
        lines.push_back(AptSource{uri, name, {"main"}, debian_keyring}.line());
    };
    for (const std::string& uri : plain) add(uri, suite);
    if (suite == "sid" || suite == "unstable") return lines;
    for (const AptSource& source : host)
        if (source.suite.ends_with("-updates")) {
            add(source.uri, suite + "-updates");
            break;
        }
    for (const std::string& uri : security) add(uri, suite + "-security");
    return lines;
}

}  // namespace

Sources apt_sources_of(const BuildPlan& plan, const BuildHost& host) {
    const Distribution& distribution = plan.distribution;
    const auto supplied = host.keyrings.find(distribution.id);
    const std::string keyring = supplied == host.keyrings.end() ? distribution.keyring : supplied->second;
    const auto with_keys = [&](const std::string& line) {
        if (keyring.empty() || ::access(keyring.c_str(), R_OK) != 0)
            throw HostNotReady("the keys of " + distribution.title + "'s packages are not here" +
                               (keyring.empty() ? "" : " (" + keyring + ")") + "; they are: " + distribution.keys +
                               "; give them with --keyring " + distribution.id + "=FILE");
        return "deb [signed-by=" + keyring + "] " + line.substr(4);
    };
    Sources found;
    std::vector<std::string> trusted;
    const bool here = distribution.id.starts_with("debian-");
    if (plan.default_sources && here) trusted = host_debian_sources(distribution.suite);
    std::vector<std::string> others = plan.sources;
    std::istringstream guest_lines(plan.guest_sources);
    for (std::string line; std::getline(guest_lines, line);)
        if (plan.default_sources && !here) others.push_back(line);
    found.lines = trusted;
    for (const std::string& line : others) found.lines.push_back(with_keys(line));
    found.repositories = repositories_of(trusted, true);
    others.push_back(plan.guest_sources);
    for (const auto& repository : repositories_of(others, false)) found.repositories.push_back(repository);
    return found;
}

}  // namespace builders::packages
