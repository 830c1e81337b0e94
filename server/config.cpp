// SPDX-License-Identifier: Apache-2.0
#include "server/config.hpp"

#include <cstdlib>

namespace server {

Config default_config() {
    Config config;
    const char* share = std::getenv("XDG_DATA_HOME");
    const char* home = std::getenv("HOME");
    config.data = std::filesystem::path(share ? share : std::string(home ? home : ".") + "/.local/share") / "xenkiln";
    config.worker = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "xenkiln-worker";
    return config;
}

}  // namespace server
