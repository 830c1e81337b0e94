// SPDX-License-Identifier: Apache-2.0
#include "builders/sandbox/sandbox.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "builders/job/errors.hpp"
#include "builders/sandbox/id_range.hpp"
#include "builders/sandbox/tree_tar.hpp"
#include "tests/builders/sandbox/sandbox_fixture.hpp"

namespace {

namespace fs = std::filesystem;
using builders::Command;
using builders::Sandbox;
using namespace sandbox_fixture;
using testing::HasSubstr;
using testing::Not;

TEST(Sandbox, the_tree_belongs_to_the_first_subordinate_id) {
    as_ordinary_user([](const fs::path& work) {
        Sandbox sandbox(work);
        struct stat status {};
        ASSERT_EQ(::stat(sandbox.tree().c_str(), &status), 0);
        EXPECT_NE(status.st_uid, ::geteuid());
        EXPECT_EQ(output_of(sandbox, "id -u; stat -c %u /tree; touch /tree/x && echo made"), "0\n0\nmade\n");
    });
}

TEST(Sandbox, nothing_of_the_host_is_seen_but_tools) {
    as_ordinary_user([](const fs::path& work) {
        std::ofstream(work / "secret") << "secret";
        Sandbox sandbox(work);
        const std::string seen = output_of(sandbox,
                                           "ls /; ls /home /root /var/tmp /boot 2>&1; cat /etc/shadow 2>&1; "
                                           "cat " +
                                               (work / "secret").string() + " 2>&1; true");
        EXPECT_THAT(seen, HasSubstr("/etc/shadow: No such file"));
        EXPECT_THAT(seen, HasSubstr("/home': No such file"));
        EXPECT_THAT(seen, Not(HasSubstr("secret\n"
                                        "secret")));
        EXPECT_THAT(seen, HasSubstr("secret: No such file"));
        int code = 0;
        EXPECT_THAT(output_of(sandbox, "touch /usr/bin/x 2>&1", &code), HasSubstr("Read-only"));
        EXPECT_NE(code, 0);
    });
}

TEST(Sandbox, there_is_no_network_unless_asked_for) {
    as_ordinary_user([](const fs::path& work) {
        Sandbox sandbox(work);
        EXPECT_EQ(
            output_of(sandbox, "ls /sys/class/net 2>/dev/null; cat /proc/net/dev | grep -vc -e face -e Inter -e lo:"),
            "0\n");
    });
}

TEST(Sandbox, when_a_step_ends_its_daemons_are_dead) {
    as_ordinary_user([](const fs::path& work) {
        Sandbox sandbox(work);
        output_of(sandbox, "setsid sh -c 'trap \"\" HUP TERM; sleep 2; touch /tree/alive' >/dev/null 2>&1 & sleep 0.3");
        std::this_thread::sleep_for(std::chrono::seconds(3));
        EXPECT_EQ(output_of(sandbox, "test -e /tree/alive && echo alive || echo dead"), "dead\n");
    });
}

TEST(Sandbox, a_silent_step_stops_at_once_when_asked) {
    as_ordinary_user([](const fs::path& work) {
        Sandbox sandbox(work);
        std::stop_source stop;
        std::jthread asker([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds(500));
            stop.request_stop();
        });
        const auto started = std::chrono::steady_clock::now();
        Command command;
        command.argv = {"sleep", "100"};
        EXPECT_THROW(sandbox.run_tool(command, builders::Network::none, {}, {}, stop.get_token()), builders::Cancelled);
        EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(3));
    });
}

TEST(Sandbox, written_files_have_their_owner_mode_and_content) {
    as_ordinary_user([](const fs::path& work) {
        Sandbox sandbox(work);
        using Kind = builders::TreeFile::Kind;
        sandbox.write_files({{"/home/a", "", 0700, 1000, 1000, Kind::directory},
                             {"/home/a/.ssh/authorized_keys", "key\n", 0600, 1000, 1000},
                             {"/etc/localtime", "/usr/share/zoneinfo/UTC", 0777, 0, 0, Kind::symlink}});
        EXPECT_EQ(output_of(sandbox,
                            "cd /tree; stat -c '%n %u %a' home/a home/a/.ssh/authorized_keys; readlink etc/localtime"),
                  "home/a 1000 700\nhome/a/.ssh/authorized_keys 1000 600\n/usr/share/zoneinfo/UTC\n");
        EXPECT_EQ(sandbox.read_file("/home/a/.ssh/authorized_keys"), "key\n");
        EXPECT_EQ(sandbox.read_file("/no/such"), "");
    });
}

// The service and its worker run with 077: that is about their files.
TEST(Sandbox, an_images_files_have_the_modes_that_scripts_expect_whatever_our_umask_is) {
    for (const mode_t ours : {022U, 077U, 0U})
        as_ordinary_user([&](const fs::path& work) {
            ::umask(ours);
            Sandbox sandbox(work);
            make_small_tree(sandbox);
            int code = 0;
            in_tree(sandbox, "umask > /etc/said; echo x > /etc/made; mkdir -p /srv/made/deep; touch /srv/made/deep/f",
                    &code);
            EXPECT_EQ(code, 0);
            sandbox.write_files({{"/etc/plain", "x"}, {"/new/folder/secret", "x", 0600}, {"/etc/script", "x", 0755}});
            Command outside;
            outside.argv = {"sh", "-c", "echo x > /mnt/sysimage/etc/outside"};
            EXPECT_TRUE(sandbox.run_outside(outside, builders::Network::none, {}).ok());
            EXPECT_EQ(output_of(sandbox,
                                "cd /tree; cat etc/said; stat -c '%n %a %u:%g' . etc etc/made srv srv/made/deep "
                                "srv/made/deep/f etc/plain new/folder new/folder/secret etc/script etc/outside"),
                      "0022\n. 755 0:0\netc 755 0:0\netc/made 644 0:0\nsrv 755 0:0\nsrv/made/deep 755 0:0\n"
                      "srv/made/deep/f 644 0:0\netc/plain 644 0:0\nnew/folder 755 0:0\nnew/folder/secret 600 0:0\n"
                      "etc/script 755 0:0\netc/outside 644 0:0\n")
                << "with umask " << std::oct << ours;
        });
}

TEST(Sandbox, a_planted_symlink_leads_nowhere) {
    as_ordinary_user([](const fs::path& work) {
        std::ofstream(work / "victim") << "untouched";
        ::chmod((work / "victim").c_str(), 0666);
        Sandbox sandbox(work);
        output_of(sandbox, "ln -s " + (work / "victim").string() +
                               " /tree/trap; ln -s ../../../../.. /tree/up; ln -s " + work.string() + " /tree/dir");
        sandbox.write_files({{"/trap", "overwritten"}});
        for (const char* path : {"/up/tmp/x", "/dir/victim"}) try {
                sandbox.write_files({{path, "overwritten"}});
            } catch (const builders::StepFailed&) {
            }
        std::ifstream victim(work / "victim");
        std::string text;
        victim >> text;
        EXPECT_EQ(text, "untouched");
        EXPECT_EQ(sandbox.read_file("/dir/victim"), "");
    });
}

TEST(TreeTar, paths_that_are_not_plain_are_refused) {
    for (const char* path : {"relative", "/a/../b", "/..", ""})
        EXPECT_THROW(builders::tar_of({{path, "x"}}), std::invalid_argument) << path;
    EXPECT_THROW(builders::tar_of({{"/" + std::string(300, 'a'), "x"}}), std::invalid_argument);
}

TEST(Available, root_is_refused_with_the_way_out) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can be refused as root";
    try {
        builders::check_sandbox_available();
        FAIL();
    } catch (const builders::HostNotReady& error) {
        EXPECT_THAT(error.what(), HasSubstr("never run as root"));
    }
}

}  // namespace
