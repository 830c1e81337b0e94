// SPDX-License-Identifier: Apache-2.0
#include "cli/privileges.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <system_error>

namespace cli {

void become_ordinary_user(const std::string& name) {
    if (::geteuid() != 0) return;
    const passwd* user = ::getpwnam(name.c_str());
    if (!user)
        throw std::runtime_error("started as root, and there is no user '" + name +
                                 "' to become; make one with packaging/service-user, or name another with --user");
    if (user->pw_uid == 0)
        throw std::runtime_error("started as root, and '" + name + "' is root too; name an ordinary user with --user");
    if (::initgroups(user->pw_name, user->pw_gid) != 0 || ::setgid(user->pw_gid) != 0 || ::setuid(user->pw_uid) != 0)
        throw std::system_error(errno, std::generic_category(), "become user " + name);
    if (::setuid(0) == 0) throw std::runtime_error("could not give up root for good");
    ::prctl(PR_SET_DUMPABLE, 1);  // as for a program started by that user
    ::setenv("HOME", user->pw_dir, 1);
    ::setenv("USER", user->pw_name, 1);
    ::setenv("LOGNAME", user->pw_name, 1);
    ::unsetenv("XDG_DATA_HOME");
    ::unsetenv("XDG_CACHE_HOME");
}

}  // namespace cli
