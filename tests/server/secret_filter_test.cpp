// SPDX-License-Identifier: Apache-2.0
#include "server/jobs/secret_filter.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "server/jobs/masked_log.hpp"
#include "server/jobs/worker_process.hpp"
#include "tests/support/judges.hpp"

namespace server::jobs {
namespace {

std::string text_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string in_parts(const SecretFilter& filter, std::string_view text, std::size_t part) {
    SecretFilter::Stream stream(filter);
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += part) out += stream.take(text.substr(at, part));
    return out + stream.rest();
}

TEST(SecretFilter, takes_out_each_place_and_leaves_all_else) {
    const SecretFilter filter({"hunter22", "p@ss word"});
    EXPECT_EQ(filter.masked("a hunter22b hunter2 p@ss word."), "a (removed)b hunter2 (removed).");
    EXPECT_EQ(filter.masked("hunter22hunter22"), "(removed)(removed)");
    EXPECT_EQ(filter.masked(""), "");
    EXPECT_EQ(SecretFilter().masked("as it is"), "as it is");
}

TEST(SecretFilter, of_secrets_that_overlap_no_end_is_left_standing) {
    const SecretFilter filter({"abcd", "cdefgh", "abcdxyz"});
    EXPECT_EQ(filter.masked("-abcdefgh-"), "-(removed)-");
    EXPECT_EQ(filter.masked("-abcdxyz-"), "-(removed)-");
}

TEST(SecretFilter, a_value_too_short_to_be_a_secret_is_left) {
    EXPECT_EQ(SecretFilter({"abc", ""}).masked("abc"), "abc");
    EXPECT_EQ(SecretFilter({"abcd"}).masked("abcd"), "(removed)");
}

TEST(SecretFilter, a_secret_on_both_sides_of_a_seam_is_found_wherever_the_seam_is) {
    const SecretFilter filter({"hunter22", "2222"});
    const std::string text = "one hunter22 two\nhunt\ner22 2222222 hunter2", shown = filter.masked(text);
    for (std::size_t part = 1; part < text.size(); ++part) EXPECT_EQ(in_parts(filter, text, part), shown) << part;
    // A line that never ends is told before its end, and not in the middle of a secret.
    const std::string endless = std::string(200000, 'x') + "hunter22" + std::string(70000, 'h');
    for (const std::size_t part : {4099UL, 65536UL, 200003UL})
        EXPECT_EQ(in_parts(filter, endless, part), filter.masked(endless));
    SecretFilter::Stream stream(filter);
    EXPECT_GT(stream.take(endless).size(), 150000U);
}

TEST(SecretFilter, a_secret_of_several_lines_is_one_of_each_line) {
    EXPECT_EQ(SecretFilter({"first line\nsecond line"}).masked("a second line"), "a (removed)");
}

TEST(SecretFilter, a_job_tells_its_recipes_passwords_and_its_addresses_credentials) {
    catalog::Job job;
    job.recipe = "rootpw --plaintext rootpassword\nuser --name=ada --pass=adapassword\n";
    job.request = R"({"options":{"mirror":["http://me:mirrorword@host/debian"]}})";
    EXPECT_EQ(filter_of(job).masked("rootpassword adapassword mirrorword ada"), "(removed) (removed) (removed) ada");
    job.recipe = "url --url=https://me:p%40ssword@mirror.example/debian\n";
    EXPECT_EQ(filter_of(job).masked("me:p%40ssword p%40ssword p@ssword mirror.example"),
              "(removed) (removed) (removed) mirror.example");
    job.recipe =
        "auth --winbindjoin=admin%joinword\n%post\ncurl -H 'Authorization: Bearer bearerword' https://host/\n%end\n";
    EXPECT_EQ(filter_of(job).masked("admin%joinword joinword bearerword Bearer"),
              "(removed) (removed) (removed) Bearer");
    job.recipe.clear();
    job.request = R"({"conversion":{"source":{"url":"https://me:word1@host/disk.raw?token=abcdef#end"}}})";
    EXPECT_EQ(filter_of(job).masked("get https://me:word1@host/disk.raw?token=abcdef"),
              "get https://(removed)@host/disk.raw?(removed)");
}

// The log is read while a job runs: what is in the file is without secrets at each moment.
TEST(MaskedLog, a_workers_errors_reach_the_disk_without_secrets_and_before_it_ends) {
    const support::TemporaryFolder folder;
    const auto program = folder / "worker";
    std::ofstream(program) << "#!/bin/sh\nprintf 'the password is hunt' >&2\nsleep 0.2\necho 'er22' >&2\n"
                              "printf 'no end hunter22' >&2\necho first\nread line\n";
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    WorkerProcess worker(program, folder.path(), SecretFilter({"hunter22"}));
    std::string while_running;
    worker.wait([&](std::string_view) {
        for (int round = 0; round < 100 && while_running.empty(); ++round) {
            while_running = text_of(folder / "log.txt");
            ::usleep(20000);
        }
        worker.kill();
    });
    EXPECT_EQ(while_running, "the password is (removed)\n");
    EXPECT_EQ(text_of(folder / "log.txt"), "the password is (removed)\nno end (removed)");
}

TEST(MaskedLog, whoever_keeps_a_workers_errors_open_is_not_waited_for) {
    const support::TemporaryFolder folder;
    int holder = -1;
    {
        MaskedLog log(folder / "log.txt", {});
        holder = ::dup(log.write_end());
        log.started();
        ASSERT_EQ(::write(holder, "said\n", 5), 5);
    }
    EXPECT_EQ(text_of(folder / "log.txt"), "said\n");
    ::close(holder);
}

}  // namespace
}  // namespace server::jobs
