// SPDX-License-Identifier: Apache-2.0
#include "builders/sandbox/id_range.hpp"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>

#include "builders/job/errors.hpp"

namespace builders {
namespace {

namespace fs = std::filesystem;

std::string user_name() {
    const passwd* entry = ::getpwuid(::geteuid());
    return entry ? entry->pw_name : std::to_string(::geteuid());
}

// subuid(5): user or its number, first id, count. Two lines may name the same range.
std::vector<IdRange> ranges_in(const char* file, const std::string& user) {
    std::ifstream lines(file);
    const std::string id = std::to_string(::geteuid());
    std::vector<IdRange> found;
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with(user + ":") && !line.starts_with(id + ":")) continue;
        std::istringstream numbers(line.substr(line.find(':') + 1));
        IdRange range;
        char colon = 0;
        if (!(numbers >> range.first >> colon >> range.count) || colon != ':' || range.count == 0) continue;
        const auto same = [&](const IdRange& one) { return one.first == range.first && one.count == range.count; };
        if (std::none_of(found.begin(), found.end(), same)) found.push_back(range);
    }
    return found;
}

constexpr std::array own_tools{
    HostTool{.program = "newuidmap", .package = "uidmap"}, HostTool{.program = "bwrap", .package = "bubblewrap"},
    HostTool{.program = "socat", .package = "socat"}, HostTool{.program = "ip", .package = "iproute2"}};

bool is_installed(const HostTool& tool) {
    for (const char* folder : {"/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/"})
        if (::access((std::string(folder) + tool.program).c_str(), X_OK) == 0) return true;
    return false;
}

}  // namespace

SubordinateIds own_subordinate_ids() {
    SubordinateIds ids{user_name(), {}, {}};
    ids.users = ranges_in("/etc/subuid", ids.user);
    ids.groups = ranges_in("/etc/subgid", ids.user);
    if (ids.users.empty() || ids.groups.empty())
        throw HostNotReady("user " + ids.user +
                           " has no subordinate ids; add some with: sudo usermod "
                           "--add-subuids 100000-165535 --add-subgids 100000-165535 " +
                           ids.user);
    return ids;
}

void require_programs(std::span<const HostTool> tools) {
    for (const HostTool& tool : tools)
        if (!is_installed(tool))
            throw HostNotReady(std::string(tool.program) + " is not installed; install it with: sudo apt install " +
                               tool.package);
}

void check_sandbox_available() {
    if (::geteuid() == 0)
        throw HostNotReady(
            "builds never run as root; run xenkiln as an ordinary user "
            "(packaging/service-user makes one)");
    require_programs(own_tools);
    own_subordinate_ids();
    std::string said;
    Command probe = in_id_range({"true"});
    if (!run(probe, [&](std::string_view line) { said.append(" ").append(line); }).ok())
        throw HostNotReady("user namespaces do not work here (" + said +
                           " ); allow them with: sudo sysctl kernel.unprivileged_userns_clone=1 "
                           "user.max_user_namespaces=10000");
}

Command in_id_range(const std::vector<std::string>& argv) {
    Command command;
    command.argv = {"unshare", "--map-root-user", "--map-auto", "--"};
    command.argv.insert(command.argv.end(), argv.begin(), argv.end());
    command.environment = plain_environment();
    return command;
}

void remove_tree(const fs::path& directory) {
    std::error_code error;
    fs::remove_all(directory, error);
    if (!error) return;
    run(in_id_range({"rm", "-rf", "--one-file-system", "--", directory.string()}), {});
    if (fs::exists(fs::symlink_status(directory))) throw std::system_error(error, "delete " + directory.string());
}

}  // namespace builders
