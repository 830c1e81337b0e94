// SPDX-License-Identifier: Apache-2.0
#include "builders/sandbox/sandbox_filter.hpp"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "builders/sandbox/confinement.hpp"
#include "formats/base/handle.hpp"

namespace builders {
namespace {

using Filter = formats::Handle<void, seccomp_release>;

constexpr std::array refused{
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(setns),
    SCMP_SYS(unshare),
    SCMP_SYS(open_tree),
    SCMP_SYS(move_mount),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsmount),
    SCMP_SYS(fsconfig),
    SCMP_SYS(fspick),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(keyctl),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(bpf),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(name_to_handle_at),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(reboot),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(clock_adjtime),
    SCMP_SYS(adjtimex),
    SCMP_SYS(acct),
    SCMP_SYS(quotactl),
    SCMP_SYS(syslog),
    SCMP_SYS(lookup_dcookie),
    SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    SCMP_SYS(kcmp),
    SCMP_SYS(nfsservctl),
    SCMP_SYS(vhangup),
    SCMP_SYS(fanotify_init),
};

constexpr std::array network_and_programs{
    SCMP_SYS(socket), SCMP_SYS(socketpair), SCMP_SYS(connect), SCMP_SYS(bind),        SCMP_SYS(listen),
    SCMP_SYS(accept), SCMP_SYS(accept4),    SCMP_SYS(sendto),  SCMP_SYS(sendmsg),     SCMP_SYS(sendmmsg),
    SCMP_SYS(execve), SCMP_SYS(execveat),   SCMP_SYS(chroot),  SCMP_SYS(pidfd_getfd), SCMP_SYS(truncate),
};

void check(int result) {
    if (result < 0) throw std::system_error(-result, std::generic_category(), "seccomp filter");
}

// What libseccomp's SCMP_A0 … make, which are C99's compound literals.
scmp_arg_cmp argument(unsigned index, scmp_compare compare, scmp_datum_t first, scmp_datum_t second) {
    return {index, compare, first, second};
}

// `but`: a call of the list that stays allowed.
Filter refusing(int but = -1) {
    Filter filter(seccomp_init(SCMP_ACT_ALLOW));
    if (!filter) throw std::bad_alloc();
    for (const int call : refused)
        if (call != but) check(seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EPERM), call, 0));
    // clone3's flags lie in memory where a filter cannot look: programs fall back to clone.
    check(seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0));
    for (const std::uint64_t flag :
         {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP})
        check(seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                               argument(0, SCMP_CMP_MASKED_EQ, flag, flag)));
    // Typing into the terminal of whoever started the service.
    check(seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
                           argument(1, SCMP_CMP_MASKED_EQ, 0xffffffffU, TIOCSTI)));
    return filter;
}

}  // namespace

void refuse_network_and_programs() {
    // With ptrace a sanitizer looks for leaks.
    const Filter filter = refusing(with_sanitizer ? SCMP_SYS(ptrace) : -1);
    for (const int call : network_and_programs) check(seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(EPERM), call, 0));
    check(seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1));
    check(seccomp_load(filter.get()));
}

formats::File script_filter() {
    const Filter filter = refusing();
    formats::File file(::memfd_create("script-filter", MFD_CLOEXEC), "seccomp filter");
    if (file.descriptor() < 0) throw std::system_error(errno, std::generic_category(), "memfd_create");
    check(seccomp_export_bpf(filter.get(), file.descriptor()));
    ::lseek(file.descriptor(), 0, SEEK_SET);
    return file;
}

}  // namespace builders
