// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "builders/plan/build_host.hpp"
#include "cli/commands.hpp"

namespace cli {

void add_host_options(CLI::App& command, builders::BuildHost& host) {
    command.add_option(
        "--allow-host", host.allowed_hosts,
        "HOST or HOST:PORT that recipes may install from although its address is not public; repeatable");
    command.add_flag("--accept-expired-indices", host.expired_indices,
                     "Take package indices past their Valid-Until: those of a snapshot, or of a mirror that is not "
                     "updated any more");
    command.add_flag("--allow-host-scripts", host.host_scripts,
                     "Run %pre and %post --nochroot of recipes, in the sandbox with this machine's tools");
    command.add_option_function<std::vector<std::string>>(
        "--keyring",
        [&host](const std::vector<std::string>& values) {
            for (const std::string& value : values) {
                const std::size_t equals = value.find('=');
                if (equals == 0 || equals == std::string::npos || equals + 1 == value.size())
                    throw CLI::ValidationError("--keyring", "'" + value + "' is not DISTRIBUTION=FILE");
                host.keyrings[value.substr(0, equals)] = value.substr(equals + 1);
            }
        },
        "DISTRIBUTION=FILE with the keys of its packages, such as ubuntu-24.04=/etc/keys/ubuntu.gpg; repeatable");
}

}  // namespace cli
