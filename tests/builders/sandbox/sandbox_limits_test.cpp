// SPDX-License-Identifier: Apache-2.0
// What a step may use up, and the way out of the sandbox. In the Hostile suite, which runs alone.
#include <gmock/gmock.h>

#include <chrono>
#include <mutex>
#include <thread>

#include "builders/job/errors.hpp"
#include "builders/sandbox/mirror_proxy.hpp"
#include "tests/builders/network/echo_server.hpp"
#include "tests/builders/sandbox/sandbox_fixture.hpp"

namespace {

namespace fs = std::filesystem;
using namespace sandbox_fixture;
using builders::Limits;
using builders::Network;
using builders::network::MirrorProxy;
using builders::network::Upstream;
using testing::HasSubstr;

// The sentence a step ends with, or what it printed when it was not stopped.
std::string end_of(Sandbox& sandbox, const std::string& script) {
    try {
        return "not stopped: " + output_of(sandbox, script);
    } catch (const builders::StepFailed& failed) {
        return failed.what();
    }
}

TEST(Hostile, memory_of_one_process_and_of_all_together_is_limited) {
    as_ordinary_user([](const fs::path& work) {
        Limits limits;
        limits.memory = std::uint64_t{300} << 20;
        Sandbox sandbox(work, limits);
        // At once more than it may have: piece by piece, the watcher could see it first, with what stands around it.
        EXPECT_THAT(end_of(sandbox, "perl -e 'my $size = shift; my $a = \"x\" x $size' $((400 << 20)) 2>&1"),
                    HasSubstr("Out of memory"));
        EXPECT_THAT(
            end_of(sandbox, "for i in 1 2 3 4 5 6 7 8; do perl -e 'my $a = \"x\" x (60 << 20); sleep 60' & done; wait"),
            HasSubstr("of memory, the limit is 300 MiB"));
        EXPECT_EQ(output_of(sandbox, "echo fine"), "fine\n");
    });
}

TEST(Hostile, a_step_that_would_take_the_machines_last_memory_is_stopped) {
    as_ordinary_user([](const fs::path& work) {
        Limits limits;
        limits.memory_left = std::uint64_t{1} << 50;  // more than any machine has
        Sandbox sandbox(work, limits);
        EXPECT_THAT(end_of(sandbox, "sleep 60"), HasSubstr("of the machine's memory, the limit is 1073741824 MiB"));
    });
}

TEST(Hostile, a_fork_bomb_of_one_id_or_of_many_ends_and_the_build_beside_it_goes_on) {
    as_ordinary_user([](const fs::path& work) {
        fs::create_directory(work / "other");
        ::chmod((work / "other").c_str(), 0711);
        Limits limits;
        limits.processes = 500;
        limits.memory = std::uint64_t{64} << 30;  // what 500 of them share is counted 500 times
        Sandbox sandbox(work, limits), other(work / "other");
        std::jthread bomb([&] {
            EXPECT_THAT(end_of(sandbox,
                               "perl -e 'for my $id (0, 5, 6, 7, 8) { next if fork; $> = $< = $id; "
                               "while (1) { $p = fork; if (defined $p && !$p) { sleep 60; exit } } }'; sleep 60"),
                        HasSubstr("processes and threads, the limit is 500"));
        });
        for (int i = 0; i < 20; ++i) EXPECT_EQ(output_of(other, "sh -c 'echo fine'"), "fine\n");
        bomb.join();
        EXPECT_EQ(output_of(sandbox, "echo fine"), "fine\n");
        builders::remove_tree(work / "other");
    });
}

TEST(Hostile, the_disk_cannot_be_filled_with_one_file_nor_with_many) {
    as_ordinary_user([](const fs::path& work) {
        Limits limits;
        limits.disk = std::uint64_t{64} << 20;
        Sandbox sandbox(work, limits);
        EXPECT_THAT(end_of(sandbox, "dd if=/dev/zero of=/tree/one bs=1M count=100 2>&1; stat -c %s /tree/one"),
                    HasSubstr("67108864"));
        EXPECT_THAT(
            end_of(sandbox,
                   "rm /tree/one; for i in 1 2 3 4; do dd if=/dev/urandom of=/tree/$i bs=1M count=40; done; sleep 60"),
            HasSubstr("the installed system takes"));
    });
}

TEST(Hostile, sleeping_for_ever_ends_with_its_time) {
    as_ordinary_user([](const fs::path& work) {
        Limits limits;
        limits.seconds = 1;
        Sandbox sandbox(work, limits);
        const auto started = std::chrono::steady_clock::now();
        EXPECT_THAT(end_of(sandbox, "trap '' TERM INT HUP; sleep 1000"), HasSubstr("seconds, the limit is 1"));
        EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(20));
    });
}

TEST(Hostile, the_only_way_out_is_the_mirror_proxy) {
    as_ordinary_user([](const fs::path& work) {
        support::EchoServer server;
        Sandbox sandbox(work);
        make_small_tree(sandbox);
        const Upstream upstream({}, "", "");
        const auto quiet = [](std::string_view) {};
        const MirrorProxy proxy(work / "mirrors.sock", {*builders::network::origin_of(server.url() + "/debian", true)},
                                upstream, quiet);
        sandbox.set_proxy(proxy.socket());
        // $0: an address. Prints the answer's first line, or why there is none.
        const std::string get = R"(perl -MSocket -e '
            my ($host, $port, $url) = @ARGV;
            socket(my $s, PF_INET, SOCK_STREAM, 0) or die "socket: $!"; $SIG{ALRM} = sub { print "no answer\n"; exit };
            alarm 5;
            connect($s, sockaddr_in($port, inet_aton($host))) or do { print "no: $!\n"; exit };
            syswrite $s, "GET $url HTTP/1.0\r\n\r\n"; print scalar <$s>' )";
        const std::string port = server.url().substr(server.url().rfind(':') + 1);
        const auto in_both = [&](const std::string& arguments, const std::string& expected) {
            std::string text;
            Command command;
            command.argv = {"sh", "-c", get + arguments};
            sandbox.run_tool(command, Network::mirrors, {}, [&](std::string_view line) { text.append(line); });
            EXPECT_THAT(text, HasSubstr(expected)) << "as a tool: " << arguments;
        };
        in_both("127.0.0.1 3128 " + server.url() + "/debian/x", "200");
        in_both("127.0.0.1 3128 " + server.url() + "/other", "403");
        in_both("127.0.0.1 3128 http://127.0.0.1:22/", "403");
        in_both("127.0.0.1 " + port + " /debian/x", "refused");
        EXPECT_THAT(in_tree(sandbox, "echo $http_proxy; cat /proc/net/dev", nullptr, Network::mirrors),
                    HasSubstr("http://127.0.0.1:3128"));
        EXPECT_EQ(in_tree(sandbox, "cat /proc/net/dev | grep -vc -e face -e Inter -e lo:", nullptr, Network::mirrors),
                  "0\n");
        EXPECT_EQ(in_tree(sandbox, "echo $http_proxy", nullptr, Network::none), "");
    });
}

}  // namespace
