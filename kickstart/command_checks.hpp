// SPDX-License-Identifier: Apache-2.0
#pragma once
// What Anaconda demands of a whole command line beyond its single options: one function a command. Each returns what
// is wrong, or nothing.
#include "kickstart/command_table.hpp"

namespace kickstart::checks {

std::string autopart(const Command& command, Level level);
std::string bootloader(const Command& command, Level level);
std::string btrfs(const Command& command, Level level);
std::string certificate(const Command& command, Level level);
std::string cmdline(const Command& command, Level level);
std::string device(const Command& command, Level level);
std::string driverdisk(const Command& command, Level level);
std::string eula(const Command& command, Level level);
std::string harddrive(const Command& command, Level level);
std::string ignoredisk(const Command& command, Level level);
std::string install(const Command& command, Level level);
std::string key(const Command& command, Level level);
std::string keyboard(const Command& command, Level level);
std::string logging(const Command& command, Level level);
std::string logvol(const Command& command, Level level);
std::string mount(const Command& command, Level level);
std::string network(const Command& command, Level level);
std::string nvdimm(const Command& command, Level level);
std::string ostreesetup(const Command& command, Level level);
std::string packages(const Command& command, Level level);
std::string part(const Command& command, Level level);
std::string raid(const Command& command, Level level);
std::string realm(const Command& command, Level level);
std::string repo(const Command& command, Level level);
std::string rescue(const Command& command, Level level);
std::string rhsm(const Command& command, Level level);
std::string rootpw(const Command& command, Level level);
std::string services(const Command& command, Level level);
std::string snapshot(const Command& command, Level level);
std::string sshpw(const Command& command, Level level);
std::string timesource(const Command& command, Level level);
std::string timezone(const Command& command, Level level);
std::string updates(const Command& command, Level level);
std::string url(const Command& command, Level level);
std::string user(const Command& command, Level level);
std::string volgroup(const Command& command, Level level);
std::string zfcp(const Command& command, Level level);

}  // namespace kickstart::checks
