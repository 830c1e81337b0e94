// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include "cli/commands.hpp"

namespace cli {

void add_keyring_option(CLI::App& command, std::map<std::string, std::string>& keyrings) {
    command.add_option_function<std::vector<std::string>>(
        "--keyring",
        [&keyrings](const std::vector<std::string>& values) {
            for (const std::string& value : values) {
                const std::size_t equals = value.find('=');
                if (equals == 0 || equals == std::string::npos || equals + 1 == value.size())
                    throw CLI::ValidationError("--keyring", "'" + value + "' is not DISTRIBUTION=FILE");
                keyrings[value.substr(0, equals)] = value.substr(equals + 1);
            }
        },
        "DISTRIBUTION=FILE with the keys of its packages, such as ubuntu-24.04=/etc/keys/ubuntu.gpg; repeatable");
}

}  // namespace cli
