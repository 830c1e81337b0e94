// SPDX-License-Identifier: Apache-2.0
#include "builders/sandbox/open_files.hpp"

#include <sys/resource.h>

#include <cerrno>
#include <system_error>

namespace builders {
namespace {

rlimit at_start{};
bool raised = false;

}  // namespace

std::uint64_t raise_open_files() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        throw std::system_error(errno, std::generic_category(), "read the limit of open files");
    if (limit.rlim_cur == limit.rlim_max) return limit.rlim_cur;
    at_start = limit;
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return at_start.rlim_cur;
    raised = true;
    return limit.rlim_cur;
}

void restore_open_files() noexcept {
    if (raised) ::setrlimit(RLIMIT_NOFILE, &at_start);
}

}  // namespace builders
