// SPDX-License-Identifier: Apache-2.0
#include "builders/sandbox/confinement.hpp"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

#include "formats/base/file.hpp"

namespace builders {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

// The kernel's own names, as far as ABI 6; a header may be older than the kernel it runs on.
constexpr std::uint64_t rights_abi_1 = (std::uint64_t{1} << 13) - 1;
constexpr std::uint64_t right_refer = std::uint64_t{1} << 13, right_truncate = std::uint64_t{1} << 14;
constexpr std::uint64_t scope_abstract_sockets = 1, scope_signals = 2;
struct RulesetAttributes {
    std::uint64_t files, network, scoped;
};

constexpr std::uint64_t to_read = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t to_write = to_read | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                                   LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                                   LANDLOCK_ACCESS_FS_MAKE_REG | right_truncate;

void allow(int rules, const fs::path& below, std::uint64_t rights) {
    const formats::File place(::open(below.c_str(), O_PATH | O_CLOEXEC), below.string());
    if (place.descriptor() < 0) {
        if (errno == ENOENT) return;  // nothing to read there
        fail("open " + below.string());
    }
    if (!fs::is_directory(below))
        rights &= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | right_truncate;
    landlock_path_beneath_attr rule{};
    rule.allowed_access = rights;
    rule.parent_fd = place.descriptor();
    if (::syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
        fail("allow " + below.string());
}

// 0 when the kernel has no Landlock.
long landlock_version() {
    return std::max(0L, ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION));
}

formats::File make_rules(const RulesetAttributes& attributes, std::size_t size) {
    formats::File rules(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0)),
                        "landlock rules");
    if (rules.descriptor() < 0) fail("make landlock rules");
    return rules;
}

void keep_to(const formats::File& rules) {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail("set no_new_privs");
    if (::syscall(SYS_landlock_restrict_self, rules.descriptor(), 0) != 0) fail("keep to the landlock rules");
}

void set_limit(__rlimit_resource what, std::uint64_t value, const char* name) {
    rlimit limit{};
    if (::getrlimit(what, &limit) != 0) fail(std::string("read the limit of ") + name);
    limit.rlim_max = std::min<rlim_t>(limit.rlim_max, value);
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(what, &limit) != 0) fail(std::string("set the limit of ") + name);
}

}  // namespace

bool confine_files(const std::vector<fs::path>& writable, const std::vector<fs::path>& readable) {
    const long version = landlock_version();
    if (version < 1) return false;
    RulesetAttributes attributes{rights_abi_1, 0, 0};
    if (version >= 2) attributes.files |= right_refer;
    if (version >= 3) attributes.files |= right_truncate;
    if (version >= 6) attributes.scoped = scope_abstract_sockets | scope_signals;
    const std::size_t size = version >= 6 ? sizeof attributes : version >= 4 ? 16 : 8;
    const formats::File rules = make_rules(attributes, size);
    for (const fs::path& below : writable) allow(rules.descriptor(), below, to_write & attributes.files);
    for (const fs::path& below : readable) allow(rules.descriptor(), below, to_read);
    keep_to(rules);
    return true;
}

bool confine_sockets_and_signals() {
    if (landlock_version() < 6) return false;
    const RulesetAttributes attributes{0, 0, scope_abstract_sockets | scope_signals};
    keep_to(make_rules(attributes, sizeof attributes));
    return true;
}

std::vector<fs::path> system_folders() {
    return {
        "/usr",  "/lib",      "/lib64",      "/etc", "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager",
        "/proc", "/dev/null", "/dev/urandom"};
}

bool limit_memory(std::uint64_t bytes) {
    set_limit(RLIMIT_CORE, 0, "core files");
    if (with_sanitizer) return false;
    set_limit(RLIMIT_DATA, bytes, "memory");
    return true;
}

void limit_file_size(std::uint64_t bytes) {
    ::signal(SIGXFSZ, SIG_IGN);
    set_limit(RLIMIT_FSIZE, bytes, "a file's size");
}

}  // namespace builders
