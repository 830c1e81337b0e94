// SPDX-License-Identifier: Apache-2.0
// Other people's code against the wall. "Tool" is where package scriptlets run (root of the namespace,
// all its capabilities), "tree" is where %post runs.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>

#include "builders/sandbox/sandbox.hpp"
#include "formats/base/file.hpp"
#include "tests/builders/sandbox/sandbox_fixture.hpp"

namespace {

using namespace sandbox_fixture;
using formats::File;
using testing::HasSubstr;
using testing::Not;

// A process of the host that anybody's /proc shows.
class Bystander {
public:
    Bystander() : pid_(::fork()) {
        if (pid_ == 0) {
            ::execl("/bin/sleep", "sleep", "98765", nullptr);
            ::_exit(127);
        }
    }
    ~Bystander() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    bool lives() const { return ::kill(pid_, 0) == 0; }

private:
    pid_t pid_;
};

File listening_on_loopback(int& port) {
    File listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "listener");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener.descriptor(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener.descriptor(), 5), 0);
    EXPECT_EQ(::getsockname(listener.descriptor(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port = ntohs(address.sin_port);
    return listener;
}

TEST(Hostile, the_hosts_processes_are_not_seen_nor_killed) {
    as_ordinary_user([](const fs::path& work) {
        const Bystander bystander;
        Sandbox sandbox(work);
        make_small_tree(sandbox);
        const std::string look = "cat /proc/*/cmdline | tr '\\0' ' '; kill -9 -1; true";
        EXPECT_THAT(output_of(sandbox, look), Not(HasSubstr("98765")));
        EXPECT_THAT(in_tree(sandbox, "cat /proc/*/cmdline; ls /proc | grep -c '^[0-9]'; true"),
                    Not(HasSubstr("98765")));
        in_tree(sandbox, "kill -9 -1");
        EXPECT_TRUE(bystander.lives());
    });
}

TEST(Hostile, no_process_of_the_namespace_still_has_the_hosts_root) {
    as_ordinary_user([](const fs::path& work) {
        std::ofstream(work / "signing.key") << "PRIVATE";
        ::chmod((work / "signing.key").c_str(), 0644);
        Sandbox sandbox(work);
        make_small_tree(sandbox);
        const std::string key = (work / "signing.key").string();
        const std::string look = "for p in /proc/[0-9]*; do cat $p/root" + key + " $p/cwd" + key +
                                 "; ls -d $p/root/home/*; cat $p/environ; done 2>/dev/null; true";
        for (const std::string& seen : {output_of(sandbox, look), in_tree(sandbox, look)}) {
            EXPECT_THAT(seen, Not(HasSubstr("PRIVATE")));
            EXPECT_THAT(seen, Not(HasSubstr("/home/")));
        }
        EXPECT_THAT(
            output_of(sandbox, "nsenter -t 1 -m cat " + key + " 2>&1; nsenter -t $PPID -m cat " + key + " 2>&1"),
            Not(HasSubstr("PRIVATE")));
    });
}

TEST(Hostile, a_scriptlet_that_leaves_its_chroot_finds_a_poor_view) {
    as_ordinary_user([](const fs::path& work) {
        std::ofstream(work / "signing.key") << "PRIVATE";
        ::chmod((work / "signing.key").c_str(), 0644);
        Sandbox sandbox(work);
        make_small_tree(sandbox);
        // The classic way out: a second chroot below, the working directory stays above it.
        const std::string seen = output_of(sandbox,
                                           "touch /tree/dev/null; LC_ALL=C chroot /tree perl -e 'mkdir \"/x\"; chroot "
                                           "\"/x\"; chdir \"..\" for 1..99; chroot \".\"; "
                                           "opendir D, \"/\"; print join(\" \", readdir D), \"\\n\"; open F, \"<" +
                                               (work / "signing.key").string() +
                                               "\" and print <F>; open F, \"</etc/shadow\" and print <F>; print -e "
                                               "\"/home\" ? \"home\" : \"no home\", \"\\n\"' 2>&1");
        EXPECT_THAT(seen, HasSubstr("tree"));  // it did get out
        EXPECT_THAT(seen, HasSubstr("no home"));
        EXPECT_THAT(seen, Not(HasSubstr("PRIVATE")));
        EXPECT_THAT(seen, Not(HasSubstr("root:")));
    });
}

TEST(Hostile, unmounting_and_remounting_open_nothing) {
    as_ordinary_user([](const fs::path& work) {
        Sandbox sandbox(work);
        make_small_tree(sandbox);
        const std::string seen =
            output_of(sandbox,
                      "mkdir /tmp/p; mount --rbind / /tmp/p 2>&1; ls -d /tmp/p/home /tmp/p/oldroot 2>&1; "
                      "mount -o remount,bind,rw /usr 2>&1; touch /usr/bin/sandbox-was-here 2>&1; umount -l /usr 2>&1; "
                      "echo /home/* /usr/*");
        EXPECT_FALSE(fs::exists("/usr/bin/sandbox-was-here"));
        EXPECT_THAT(seen, HasSubstr("/tmp/p/home': No such file"));
        EXPECT_THAT(seen, HasSubstr("/tmp/p/oldroot': No such file"));
        EXPECT_THAT(seen, HasSubstr("/home/*"));  // what lies below the view is nothing
    });
}

TEST(Hostile, the_filter_refuses_what_scripts_have_no_business_with) {
    as_ordinary_user([](const fs::path& work) {
        Sandbox sandbox(work);
        make_small_tree(sandbox);
        const std::string names[] = {"165 mount",
                                     "272 unshare",
                                     "250 keyctl",
                                     "248 add_key",
                                     "101 ptrace",
                                     "321 bpf",
                                     "323 userfaultfd",
                                     "298 perf_event_open",
                                     "246 kexec_load",
                                     "175 init_module",
                                     "304 open_by_handle_at",
                                     "169 reboot",
                                     "155 pivot_root",
                                     "425 io_uring_setup",
                                     "308 setns",
                                     "428 open_tree"};
        for (const std::string& name : names) {
            const std::string number = name.substr(0, name.find(' '));
            EXPECT_EQ(in_tree(sandbox,
                              "perl -e '$r = syscall(" + number + ", 0, 0, 0, 0, 0); print $r, \" \", $!+0, \"\\n\"'"),
                      "-1 1\n")
                << name;
        }
        EXPECT_EQ(
            in_tree(sandbox, "perl -e '$r = syscall(56, 0x10000000 | 17, 0, 0, 0, 0); print $r, \" \", $!+0, \"\\n\"'"),
            "-1 1\n")
            << "clone with a new user namespace";
        EXPECT_EQ(in_tree(sandbox, "perl -e '$r = syscall(435, 0, 0); print $r, \" \", $!+0, \"\\n\"'"), "-1 38\n")
            << "clone3";
    });
}

TEST(Hostile, devices_and_privileges_cannot_be_had) {
    as_ordinary_user([](const fs::path& work) {
        Sandbox sandbox(work);
        make_small_tree(sandbox);
        EXPECT_THAT(in_tree(sandbox, "mknod /tmp/sda b 8 0 2>&1; ls /tmp"), HasSubstr("not permitted"));
        EXPECT_THAT(in_tree(sandbox, "grep NoNewPrivs /proc/self/status"), HasSubstr("1"));
        EXPECT_THAT(in_tree(sandbox, "ls /dev"),
                    testing::AllOf(HasSubstr("null"), Not(HasSubstr("kvm")), Not(HasSubstr("sda"))));
        // chown dac_override fowner fsetid kill setgid setuid setpcap sys_chroot audit_write setfcap
        EXPECT_EQ(in_tree(sandbox, "grep Cap...: /proc/self/status"),
                  "CapInh:\t00000000a00401fb\nCapPrm:\t00000000a00401fb\nCapEff:\t00000000a00401fb\n"
                  "CapBnd:\t00000000a00401fb\nCapAmb:\t00000000a00401fb\n");
        // A setuid file of the tree's root belongs to a subordinate id, never to the service.
        in_tree(sandbox, "chmod 4755 /usr/bin/id");
        struct stat status {};
        ASSERT_EQ(::stat((sandbox.tree() / "usr/bin/id").c_str(), &status), 0);
        EXPECT_NE(status.st_uid, ::geteuid());
        EXPECT_NE(status.st_uid, 0U);
    });
}

TEST(Hostile, the_hosts_loopback_and_sockets_are_out_of_reach) {
    as_ordinary_user([](const fs::path& work) {
        int port = 0;
        const File listener = listening_on_loopback(port);
        const File abstract(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "abstract socket");
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const std::string name = "xenkiln-hostile-" + std::to_string(port);
        std::memcpy(address.sun_path + 1, name.data(), name.size());
        const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
        ASSERT_EQ(::bind(abstract.descriptor(), reinterpret_cast<sockaddr*>(&address), size), 0);
        ASSERT_EQ(::listen(abstract.descriptor(), 5), 0);
        Sandbox sandbox(work);
        make_small_tree(sandbox);
        const std::string tcp = "perl -e 'socket(S, 2, 1, 0); print connect(S, pack(\"S n C4 x8\", 2, " +
                                std::to_string(port) + ", 127, 0, 0, 1)) ? \"in\" : \"out\"'";
        const std::string local =
            "perl -e 'socket(S, 1, 1, 0); print connect(S, pack(\"S\", 1) . \"\\0" + name + "\") ? \"in\" : \"out\"'";
        EXPECT_EQ(in_tree(sandbox, tcp), "out\n");
        EXPECT_EQ(in_tree(sandbox, local), "out\n");
        EXPECT_EQ(output_of(sandbox, tcp), "out\n");
        // The same script does get through where there is no wall: the test can fail.
        Command outside;
        outside.argv = {"sh", "-c", tcp + "; " + local};
        outside.environment = builders::plain_environment();
        EXPECT_EQ(builders::capture(outside), "inin\n");
    });
}

TEST(Hostile, a_daemon_of_a_script_dies_with_it) {
    as_ordinary_user([](const fs::path& work) {
        Sandbox sandbox(work);
        make_small_tree(sandbox);
        in_tree(sandbox, "setsid sh -c 'trap \"\" HUP TERM; sleep 2; touch /alive' >/dev/null 2>&1 & sleep 0.3");
        ::sleep(3);
        EXPECT_EQ(in_tree(sandbox, "ls /alive 2>/dev/null; echo looked"), "looked\n");
    });
}

TEST(Hostile, folders_replaced_by_symlinks_write_nothing_outside) {
    as_ordinary_user([](const fs::path& work) {
        const fs::path open = work / "open";
        fs::create_directory(open);
        ::chmod(open.c_str(), 0777);
        Sandbox sandbox(work);
        make_small_tree(sandbox);
        // bwrap mounts over these folders of the tree; their names are the recipe's to choose.
        const std::string outside = "/oldroot" + open.string();
        output_of(sandbox,
                  "cd /tree; rm -rf proc dev run tmp; for d in proc dev run tmp; do ln -s " + outside + "/$d $d; done");
        int code = 0;
        try {
            in_tree(sandbox, "echo x > /tmp/x; echo y > /dev/y; true", &code);
        } catch (const std::exception&) {
        }
        EXPECT_TRUE(fs::is_empty(open)) << "made " << fs::directory_iterator(open)->path();
    });
}

TEST(Hostile, memory_files_have_a_ceiling) {
    as_ordinary_user([](const fs::path& work) {
        Sandbox sandbox(work);
        make_small_tree(sandbox);
        const std::string full =
            in_tree(sandbox,
                    "for d in /tmp /run /dev/shm; do dd if=/dev/zero of=$d/x bs=1M count=1100 2>&1; rm -f $d/x; done; "
                    "touch /dev/x 2>&1");
        EXPECT_THAT(full, HasSubstr("No space left"));
        EXPECT_THAT(full, HasSubstr("Read-only file system"));
        EXPECT_EQ(in_tree(sandbox, "echo fine"), "fine\n");
    });
}

}  // namespace
