// SPDX-License-Identifier: Apache-2.0
// Submitting, following and cancelling builds, against fakes of catalog and queue.
#include <gtest/gtest.h>

#include <fstream>

#include "builders/plan/plan_json.hpp"
#include "tests/server/fakes.hpp"

namespace {

using server::Request;
using server::Response;
using server::catalog::JobState;
using testing::HasSubstr;

class ApiBuilds : public support::ApiTest {
protected:
    const std::string key_line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtleUtleUtleUtleUtleUtleUtleUtleUtleUtleUtl a@b";

    static std::string all_text(const boost::json::value& value) { return boost::json::serialize(value); }
};

TEST_F(ApiBuilds, a_recipe_with_options_becomes_a_job_with_exactly_these) {
    const std::string recipe = support::tiny_recipe();
    const Response response = post(recipe, {{"vcpus", "4"}, {"ssh-key", key_line}, {"ssh-key", "root:" + key_line}});
    ASSERT_EQ(response.status, 202U) << response.body;
    const auto reply = json_of(response);
    EXPECT_EQ(header(response, "Location"), "/v1/builds/" + std::string(reply.at("id").as_string()));
    EXPECT_EQ(reply.at("state").as_string(), "queued");

    ASSERT_EQ(runner.submitted.size(), 1U);
    EXPECT_EQ(runner.submitted[0].recipe, recipe);
    const builders::BuildPlan plan = builders::plan_from_json(runner.submitted[0].plan);
    EXPECT_EQ(plan.hardware.vcpus, 4U);
    EXPECT_THAT(plan.root_ssh_keys, testing::Contains(key_line));
    const auto options = boost::json::parse(runner.submitted[0].request).as_object();
    EXPECT_THAT(all_text(options), HasSubstr("\"4\""));
    ASSERT_EQ(options.at("ssh-key").as_array().size(), 2U);
    EXPECT_EQ(options.at("ssh-key").as_array()[1].as_string(), "root:" + key_line);
}

TEST_F(ApiBuilds, json_says_the_same) {
    const boost::json::object body{
        {"recipe", support::tiny_recipe()},
        {"options", {{"vcpus", "4"}, {"ssh-key", boost::json::array{key_line, "root:" + key_line}}}}};
    const Response response = post(boost::json::serialize(body), {}, "application/json; charset=utf-8");
    ASSERT_EQ(response.status, 202U) << response.body;
    ASSERT_EQ(runner.submitted.size(), 1U);
    EXPECT_EQ(runner.submitted[0].recipe, support::tiny_recipe());
    const auto options = boost::json::parse(runner.submitted[0].request).as_object();
    EXPECT_EQ(options.at("ssh-key").as_array().size(), 2U);
}

TEST_F(ApiBuilds, what_the_build_will_not_do_is_told_at_once_with_its_line) {
    const std::string recipe = "selinux --enforcing\n" + support::tiny_recipe();
    const Response response = post(recipe);
    ASSERT_EQ(response.status, 202U) << response.body;
    bool found = false;
    for (const auto& note : list_of(response, "notes"))
        found = found || (note.as_object().at("line").to_number<int>() == 1 &&
                          std::string(note.as_object().at("message").as_string()).find("selinux") != std::string::npos);
    EXPECT_TRUE(found) << response.body;
}

TEST_F(ApiBuilds, every_error_of_a_recipe_comes_at_once_and_no_job_begins) {
    const Response response =
        post("nosuchcommand --foo\n" + support::tiny_recipe() + "\ntimezone --utc\nkeyboard --nope us\n");
    const auto errors = problem(response, 422).at("errors").as_array();
    std::vector<int> lines;
    for (const auto& error : errors) {
        lines.push_back(error.as_object().at("line").to_number<int>());
        EXPECT_FALSE(error.as_object().at("reason").as_string().empty());
    }
    EXPECT_GE(lines.size(), 2U) << response.body;
    EXPECT_EQ(lines.front(), 1);
    EXPECT_TRUE(std::is_sorted(lines.begin(), lines.end())) << response.body;
    EXPECT_TRUE(runner.submitted.empty());
}

TEST_F(ApiBuilds, a_recipe_is_read_as_kickstart_plan_reads_it) {
    const std::string recipe = "#version=RHEL9\ninstall\nrootpw Zx81pqrs\nautopart\n%packages\n%end\n";
    EXPECT_THAT(all_text(problem(post(recipe), 422)), HasSubstr("install"));
    const auto errors = problem(post(recipe, {{"distribution", "centos-7"}}), 422).at("errors").as_array();
    for (const auto& error : errors)
        EXPECT_FALSE(error.as_object().contains("line") && error.as_object().at("line") == 2) << all_text(error);
}

TEST_F(ApiBuilds, a_recipe_that_parses_but_cannot_be_built_is_refused_too) {
    std::string recipe = support::tiny_recipe();
    recipe.insert(recipe.find("part /"), "lvmthing\n");
    problem(post(recipe), 422);
    const auto unknown = problem(post(support::tiny_recipe(), {{"distribution", "debian-99"}}), 422);
    EXPECT_THAT(all_text(unknown), HasSubstr("debian-12"));
    EXPECT_TRUE(runner.submitted.empty());
}

TEST_F(ApiBuilds, wrong_options_are_named_all_of_them) {
    const auto body =
        all_text(problem(post(support::tiny_recipe(), {{"memory", "lots"}, {"colour", "red"}, {"vcpus", "0"}}), 422));
    for (const char* word : {"memory", "lots", "colour", "vcpus"}) EXPECT_THAT(body, HasSubstr(word));
    EXPECT_TRUE(runner.submitted.empty());
}

TEST_F(ApiBuilds, hostile_bodies_are_problems_never_jobs) {
    for (const char* body :
         {"", "[", "{}", "[]", "null", "\"text\"", "{\"recipe\": 5}", "{\"recipe\": \"lang C\", \"options\": []}",
          "{\"recipe\": \"lang C\", \"options\": {\"ssh-key\": {\"a\": 1}}}",
          "{\"recipe\": \"lang C\", \"options\": {\"ssh-key\": [[]]}}", "{\"recipe\": \"lang C\", \"colour\": 1}"}) {
        const Response response = post(body, {}, "application/json");
        EXPECT_TRUE(response.status == 400 || response.status == 422) << body << " gives " << response.status;
        problem(response, response.status);
    }
    std::string deep;
    for (int i = 0; i < 100000; ++i) deep += "[";
    EXPECT_GE(post(deep, {}, "application/json").status, 400U);
    EXPECT_LT(post(deep, {}, "application/json").status, 500U);
    EXPECT_TRUE(runner.submitted.empty());
}

TEST_F(ApiBuilds, text_that_is_not_utf8_never_breaks_an_answer) {
    const Response response = post("lang \xff\xfe\nnosuch\xc3(command\n" + support::tiny_recipe());
    EXPECT_EQ(response.status, 422U);
    EXPECT_NO_THROW(json_of(response)) << response.body;
    EXPECT_TRUE(post(std::string("lang C\0more\n", 12) + support::tiny_recipe()).status < 500);
}

TEST_F(ApiBuilds, other_types_and_methods_are_refused_with_what_would_be_right) {
    problem(post("x", {}, "image/png"), 415);
    problem(post("x", {}, ""), 415);
    const Response put = api.handle(request("PUT", "/v1/builds"));
    problem(put, 405);
    EXPECT_THAT(header(put, "Allow"), HasSubstr("GET"));
    EXPECT_THAT(header(put, "Allow"), HasSubstr("POST"));
    const Response post_log = api.handle(request("POST", "/v1/releases"));
    problem(post_log, 405);
    EXPECT_EQ(header(post_log, "Allow").find("POST"), std::string::npos);
    EXPECT_THAT(header(post_log, "Allow"), HasSubstr("GET"));
}

TEST_F(ApiBuilds, what_the_queue_refuses_is_said_with_its_own_sentence) {
    runner.refusal = "the disk has 3 GiB free, this build needs 9 GiB";
    EXPECT_EQ(problem(post(support::tiny_recipe()), 507).at("detail").as_string(), runner.refusal);
}

TEST_F(ApiBuilds, a_broken_catalog_is_a_problem_and_tells_no_paths) {
    catalog.broken = "sqlite: cannot open /var/lib/secret/catalog.sqlite";
    for (const char* path : {"/", "/v1/builds", "/v1/releases", "/v1/builds/0011223344556677"}) {
        const Response response = get(path);
        EXPECT_EQ(response.status, 500U) << path;
        EXPECT_EQ(response.body.find("/var/lib/secret"), std::string::npos) << response.body;
    }
}

TEST_F(ApiBuilds, a_job_tells_where_it_is) {
    catalog.add_job({"0011223344556677", "build", JobState::failed, R"({"vcpus":"4"})", "lang C\n",
                     "2026-11-21T06:00:00Z", "2026-11-21T06:00:01Z", "2026-11-21T06:01:00Z", 1, "install packages",
                     0.25, "there is no package <b>foo</b>", ""});
    std::ofstream(runner.log_file("0011223344556677")) << "first\nE: no package\xff\n";
    const auto job = json_of(get("/v1/builds/0011223344556677"));
    ASSERT_EQ(job.at("log_tail").as_array().size(), 2U);
    EXPECT_EQ(job.at("log_tail").at(0).as_string(), "first");
    EXPECT_EQ(job.at("id").as_string(), "0011223344556677");
    EXPECT_EQ(job.at("state").as_string(), "failed");
    EXPECT_EQ(job.at("step").as_string(), "install packages");
    EXPECT_DOUBLE_EQ(job.at("progress").to_number<double>(), 0.25);
    EXPECT_EQ(job.at("error").as_string(), "there is no package <b>foo</b>");
    const auto listed = json_of(get("/v1/builds")).at("builds").as_array();
    ASSERT_EQ(listed.size(), 1U);
    EXPECT_EQ(listed[0].as_object().at("id").as_string(), "0011223344556677");
}

TEST_F(ApiBuilds, unknown_builds_are_404_on_every_address_below_them) {
    for (const char* path :
         {"/v1/builds/ffffffffffffffff", "/v1/builds/ffffffffffffffff/log", "/v1/builds/ffffffffffffffff/events",
          "/v1/builds/..", "/v1/builds/../log", "/v1/builds/a/b/c/d", "/v1/builds//log", "/v1/builds/x'--"})
        problem(get(path), 404);
    problem(api.handle(request("DELETE", "/v1/builds/ffffffffffffffff")), 404);
    EXPECT_TRUE(runner.cancelled.empty() || runner.cancelled.front() == "ffffffffffffffff");
}

TEST_F(ApiBuilds, cancelling_tells_what_became_of_it) {
    catalog.add_job({"0011223344556677", "build", JobState::running, "{}", "", "", "", "", 1, "", 0, "", ""});
    const unsigned status = api.handle(request("DELETE", "/v1/builds/0011223344556677")).status;
    EXPECT_TRUE(status == 202 || status == 204) << status;
    ASSERT_EQ(runner.cancelled, std::vector<std::string>{"0011223344556677"});
    runner.cancels = false;
    problem(api.handle(request("DELETE", "/v1/builds/0011223344556677")), 409);
}

TEST_F(ApiBuilds, the_log_is_a_live_text_file) {
    catalog.add_job({"0011223344556677", "build", JobState::running, "{}", "", "", "", "", 1, "", 0, "", ""});
    put(runner.log_file("0011223344556677"), "first line\n");
    const Response response = get("/v1/builds/0011223344556677/log");
    EXPECT_EQ(response.status, 200U);
    EXPECT_THAT(header(response, "Content-Type"), HasSubstr("text/plain"));
    ASSERT_TRUE(response.file);
    EXPECT_EQ(response.file->path, runner.log_file("0011223344556677"));
    EXPECT_FALSE(response.file->one_shot);
}

TEST_F(ApiBuilds, a_log_that_is_not_there_yet_is_empty_not_an_error) {
    catalog.add_job({"0011223344556677", "build", JobState::queued, "{}", "", "", "", "", 0, "", 0, "", ""});
    const Response response = get("/v1/builds/0011223344556677/log");
    EXPECT_EQ(response.status, 200U);
    EXPECT_FALSE(response.file && !std::filesystem::exists(response.file->path));
}

TEST_F(ApiBuilds, events_come_back_after_the_last_one_seen) {
    catalog.add_job({"0011223344556677", "build", JobState::running, "{}", "", "", "", "", 1, "", 0, "", ""});
    for (int i = 0; i < 5; ++i) runner.happen("progress", R"({"progress":0.1})");
    runner.end();
    Request listen = request("GET", "/v1/builds/0011223344556677/events");
    Response response = api.handle(listen);
    EXPECT_EQ(response.status, 200U);
    EXPECT_EQ(header(response, "Content-Type"), "text/event-stream");
    ASSERT_TRUE(response.events);
    EXPECT_EQ(response.events->after, 0U);
    EXPECT_EQ(response.events->next(0, 0).events.size(), 5U);
    EXPECT_EQ(response.events->next(3, 0).events.front().sequence, 4U);

    listen.headers["last-event-id"] = "4";
    EXPECT_EQ(api.handle(listen).events->after, 4U);
    for (const char* junk : {"", "x", "-1", "99999999999999999999999999"}) {
        listen.headers["last-event-id"] = junk;
        EXPECT_LT(api.handle(listen).status, 500U) << junk;
    }
}

TEST_F(ApiBuilds, lists_come_in_pages_that_point_to_the_next) {
    for (int i = 0; i < 7; ++i)
        catalog.add_job(
            {"000000000000000" + std::to_string(i), "build", JobState::done, "{}", "", "", "", "", 1, "", 1, "", ""});
    std::vector<std::string> seen;
    std::string next = "/v1/builds?limit=3";
    for (int pages = 0; !next.empty() && pages < 9; ++pages) {
        Request list = request("GET", "/v1/builds");
        std::string query = next.substr(next.find('?') + 1);
        for (std::size_t at = 0; at < query.size();) {
            const std::size_t equal = query.find('=', at), end = std::min(query.find('&', at), query.size());
            list.query.emplace_back(query.substr(at, equal - at), query.substr(equal + 1, end - equal - 1));
            at = end + 1;
        }
        const Response response = api.handle(list);
        ASSERT_EQ(response.status, 200U);
        for (const auto& job : list_of(response, "builds")) seen.emplace_back(job.as_object().at("id").as_string());
        const std::string link = header(response, "Link");
        next = link.find("rel=\"next\"") == std::string::npos ? "" : link.substr(1, link.find('>') - 1);
    }
    EXPECT_EQ(seen.size(), 7U);
    EXPECT_EQ(seen.front(), "0000000000000006");
    EXPECT_EQ(std::adjacent_find(seen.begin(), seen.end()), seen.end());
    for (const char* limit : {"0", "-1", "x", "99999999999999999999"}) {
        Request list = request("GET", "/v1/builds");
        list.query = {{"limit", limit}};
        EXPECT_LT(api.handle(list).status, 500U) << limit;
    }
}

}  // namespace
