// SPDX-License-Identifier: Apache-2.0
// Stored recipes over a real catalog: versions, masks, tokens, addresses; and lint as HTTP has it.
#include <gtest/gtest.h>

#include "kickstart/parser.hpp"
#include "server/api/recipes.hpp"
#include "server/catalog/sqlite.hpp"
#include "tests/server/fakes.hpp"

namespace {

using server::Response;
using testing::HasSubstr;
using testing::Not;

constexpr const char* web = "lang C\nrootpw --plaintext Kiln7glaze\nautopart\n";

class ApiRecipes : public support::ApiTest {
protected:
    Response call(const std::string& method, const std::string& path, const std::string& body = {},
                  const std::map<std::string, std::string>& headers = {}) {
        server::Request one = request(method, path);
        one.body = body;
        for (const auto& [name, value] : headers) one.headers[name] = value;
        return stored.handle(one);
    }
    Response put(const std::string& name, const std::string& text, const std::string& type = "text/x-kickstart") {
        return call("PUT", "/v1/recipes/" + name, text, {{"content-type", type}});
    }

    std::unique_ptr<server::catalog::Catalog> real = server::catalog::Catalog::open(folder / "catalog.sqlite");
    server::api::Api stored{config, *real, runner, store, key};
};

TEST_F(ApiRecipes, versions_count_up_and_never_change) {
    const Response first = put("web", web);
    ASSERT_EQ(first.status, 201U) << first.body;
    EXPECT_EQ(header(first, "Location"), "/recipes/web/1.ks");
    EXPECT_EQ(json_of(first).at("version").as_int64(), 1);
    EXPECT_EQ(json_of(first).at("token").as_string().size(), 48U);

    const Response again = put("web", web);  // the same text is the same version, and its token is not told again
    EXPECT_EQ(again.status, 200U);
    EXPECT_EQ(json_of(again).at("version").as_int64(), 1);
    EXPECT_FALSE(json_of(again).contains("token"));

    const Response second = call("POST", "/v1/recipes/web", "lang C\nautopart\n", {{"content-type", "text/plain"}});
    EXPECT_EQ(second.status, 201U);
    EXPECT_EQ(header(second, "Location"), "/recipes/web/2.ks");
    EXPECT_EQ(call("GET", "/recipes/web/2.ks").body, "lang C\nautopart\n");
    EXPECT_THAT(call("GET", "/recipes/web/1.ks").body, HasSubstr("rootpw --plaintext (removed)"));
    problem(call("PUT", "/v1/recipes/web/1", web), 405);
    problem(call("DELETE", "/v1/recipes/web"), 405);
    problem(call("POST", "/recipes/web/1.ks", web), 405);
}

TEST_F(ApiRecipes, everybody_reads_a_copy_without_passwords_that_no_installer_takes) {
    put("web", web);
    const Response shown = call("GET", "/recipes/web/1.ks");
    EXPECT_EQ(shown.status, 200U);
    EXPECT_EQ(header(shown, "Content-Type"), "text/plain; charset=utf-8");
    EXPECT_THAT(shown.body, Not(HasSubstr("Kiln7glaze")));
    EXPECT_FALSE(kickstart::parse(shown.body).ok());  // "(removed)" must never become a password
    EXPECT_TRUE(shown.body.starts_with("secrets-left-out"));
    put("open", "lang C\nrootpw --lock\nautopart\n");
    EXPECT_EQ(call("GET", "/recipes/open/1.ks").body, "lang C\nrootpw --lock\nautopart\n");
}

TEST_F(ApiRecipes, a_recipe_whose_script_holds_a_secret_counts_as_secret) {
    int number = 0;
    for (const char* text :
         {"%post\necho root:Kiln7glaze | chpasswd\n%end\n", "user --name=a --pa=Kiln7glaze\n", "'rootpw' Kiln7glaze\n",
          "#rootpw Kiln7glaze\n", "%addon com_example\nkey Kiln7glaze\n%end\n",
          "repo --name=a --baseurl=http://me:Kiln7glaze@host/\n", "rhsm --organization=1 --activation-key=Kiln7glaze\n",
          "network --wpakey=Kiln7glaze\n"}) {
        const std::string name = "web" + std::to_string(++number);
        const Response put_it = put(name, std::string("lang C\nautopart\n") + text);
        ASSERT_EQ(put_it.status, 201U) << put_it.body;
        EXPECT_TRUE(json_of(put_it).at("has_secrets").as_bool()) << text;
        const std::string address = "/recipes/" + name;
        for (const std::string& path : {address + "/1.ks", address, "/v1/recipes/" + name})
            EXPECT_THAT(call("GET", path).body, Not(HasSubstr("Kiln7glaze"))) << path << text;
        EXPECT_TRUE(call("GET", address + "/1.ks").body.starts_with("secrets-left-out"));
        const auto token = std::string(json_of(put_it).at("token").as_string());
        EXPECT_THAT(call("GET", address + "/1.ks", "", {{"authorization", "Bearer " + token}}).body,
                    HasSubstr("Kiln7glaze"));
    }
}

TEST_F(ApiRecipes, an_error_does_not_quote_a_secret) {
    for (const char* text : {"rootpw a Kiln7glaze\n", "user --name=a --pasword=Kiln7glaze\n",
                             "#version=RHEL9\nuser --name=a --password=my Kiln7glaze\n", "rootpw \"Kiln7glaze\n",
                             "%include http://me:Kiln7glaze@host/\nrootpw a b\n"}) {
        const Response refused = put("web", text);
        EXPECT_EQ(refused.status, 422U);
        EXPECT_THAT(refused.body, Not(HasSubstr("Kiln7glaze")));
        const Response linted = call("POST", "/v1/kickstart/lint", text, {{"content-type", "text/x-kickstart"}});
        EXPECT_EQ(linted.status, 200U);
        EXPECT_THAT(linted.body, Not(HasSubstr("Kiln7glaze")));
    }
}

TEST_F(ApiRecipes, the_token_opens_the_whole_text_of_its_own_version_only) {
    const std::string token(json_of(put("web", web)).at("token").as_string());
    const std::string other(json_of(put("web", std::string(web) + "skipx\n")).at("token").as_string());
    const auto with = [&](const std::string& authorization, const std::string& path = "/recipes/web/1.ks") {
        return call("GET", path, {}, {{"authorization", authorization}});
    };
    const Response whole = with("Bearer " + token);
    EXPECT_EQ(whole.body, web);
    EXPECT_EQ(header(whole, "Cache-Control"), "private, no-store");
    EXPECT_EQ(header(whole, "Vary"), "Authorization");
    EXPECT_EQ(with("bearer " + other, "/recipes/web/2.ks").body, std::string(web) + "skipx\n");
    for (const std::string& wrong :
         {"Bearer " + other, std::string("Bearer"), std::string("Bearer "), "Bearer " + token + "0",
          std::string("Digest x"), std::string("Basic %%%"), std::string("Basic "), std::string("")}) {
        const Response refusal = with(wrong);
        problem(refusal, 401);
        EXPECT_THAT(header(refusal, "WWW-Authenticate"), HasSubstr("Basic"));
        EXPECT_THAT(refusal.body, Not(HasSubstr("glaze")));
    }
    server::Request in_address = request("GET", "/recipes/web/1.ks");
    in_address.query = {{"token", token}};
    problem(stored.handle(in_address), 400);
}

TEST_F(ApiRecipes, an_installers_address_can_hold_the_token_as_a_password) {
    const std::string token(json_of(put("web", web)).at("token").as_string());
    // base64 of "any:" + token, without a library: the alphabet in groups of three bytes.
    const std::string letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
                      pair = "any:" + token;
    std::string encoded;
    for (std::size_t i = 0; i < pair.size(); i += 3) {
        unsigned bits = 0;
        for (std::size_t j = 0; j < 3; ++j)
            bits = bits << 8U | (i + j < pair.size() ? static_cast<unsigned char>(pair[i + j]) : 0U);
        for (std::size_t j = 0; j < 4; ++j) encoded += i + j > pair.size() ? '=' : letters[bits >> (18 - 6 * j) & 63U];
    }
    EXPECT_EQ(call("GET", "/recipes/web/1.ks", {}, {{"authorization", "Basic " + encoded}}).body, web);
}

TEST_F(ApiRecipes, an_etag_belongs_to_the_text_that_was_sent) {
    const std::string token(json_of(put("web", web)).at("token").as_string());
    const std::string masked = header(call("GET", "/recipes/web/1.ks"), "ETag");
    const std::string whole =
        header(call("GET", "/recipes/web/1.ks", {}, {{"authorization", "Bearer " + token}}), "ETag");
    EXPECT_NE(masked, whole);
    const Response known = call("GET", "/recipes/web/1.ks", {}, {{"if-none-match", "\"x\", " + masked}});
    EXPECT_EQ(known.status, 304U);
    EXPECT_EQ(known.body, "");
    EXPECT_EQ(call("GET", "/recipes/web/1.ks", {}, {{"if-none-match", whole}}).status, 200U);
}

TEST_F(ApiRecipes, what_cannot_be_stored_is_refused_with_the_reason) {
    const auto wrong = problem(put("web", "lang C\nlnag C\nselinux --enabled\n"), 422);
    ASSERT_EQ(wrong.at("errors").as_array().size(), 2U);
    EXPECT_EQ(wrong.at("errors").as_array()[0].as_object().at("line").as_int64(), 2);
    problem(put("web", ""), 422);
    problem(put("web", web, "application/octet-stream"), 415);
    problem(put("web", "#" + std::string(server::api::largest_recipe, 'x')), 413);
    for (const char* name : {"Web", "-web", ".web", "web.ks", "w/e", "we b", "..", "w\xc3\xa4", ""})
        EXPECT_GE(put(name, web).status, 400U) << name;
    problem(put(std::string(64, 'w'), web), 400);
    EXPECT_EQ(put(std::string(63, 'w'), web).status, 201U);
    problem(call("GET", "/v1/recipes/nothing"), 404);
    for (const char* path :
         {"/recipes/web", "/recipes/web/0.ks", "/recipes/web/01.ks", "/recipes/web/1", "/recipes/web/+1.ks",
          "/recipes/web/99999999999.ks", "/recipes/web/1.ks/x", "/v1/recipes/web/1/x"})
        problem(call("GET", path), 404);
}

TEST_F(ApiRecipes, a_recipe_has_so_many_versions_and_no_more) {
    for (int version = 1; version <= 3; ++version)
        EXPECT_TRUE(real->add_recipe({"web", 0, std::to_string(version), "", std::to_string(version), ""}, 3));
    EXPECT_FALSE(real->add_recipe({"web", 0, "4", "", "4", ""}, 3));
    EXPECT_EQ(real->recipe("web", 0)->text, "3");
}

TEST_F(ApiRecipes, they_are_listed_by_name_in_pages) {
    for (const char* name : {"web", "db", "mail"}) put(name, web);
    put("db", "lang C\nautopart\n");
    server::Request first = request("GET", "/v1/recipes");
    first.query = {{"limit", "2"}};
    const Response page = stored.handle(first);
    const auto list = list_of(page, "recipes");
    ASSERT_EQ(list.size(), 2U);
    EXPECT_EQ(list[0].as_object().at("name").as_string(), "db");
    EXPECT_EQ(list[0].as_object().at("version").as_int64(), 2);
    EXPECT_FALSE(list[0].as_object().at("has_secrets").as_bool());
    EXPECT_EQ(list[1].as_object().at("name").as_string(), "mail");
    EXPECT_TRUE(list[1].as_object().at("has_secrets").as_bool());
    EXPECT_EQ(header(page, "Link"), "</v1/recipes?limit=2&after=mail>; rel=\"next\"");
    first.query.emplace_back("after", "mail");
    EXPECT_EQ(list_of(stored.handle(first), "recipes").size(), 1U);
    first.query = {{"limit", "all"}};
    problem(stored.handle(first), 400);
    EXPECT_EQ(list_of(call("GET", "/v1/recipes/db"), "versions").size(), 2U);
    EXPECT_EQ(json_of(call("GET", "/v1/recipes/db/1")).at("address").as_string(), "/recipes/db/1.ks");
}

TEST_F(ApiRecipes, the_pages_show_them_without_passwords) {
    put("web", web);
    EXPECT_THAT(call("GET", "/").body, HasSubstr("<a href=\"/recipes/web\">web</a>, version 1"));
    const Response page = call("GET", "/recipes/web");
    EXPECT_THAT(header(page, "Content-Type"), HasSubstr("text/html"));
    EXPECT_THAT(page.body, HasSubstr("/recipes/web/1.ks"));
    EXPECT_THAT(page.body, HasSubstr("rootpw --plaintext (removed)"));
    EXPECT_THAT(page.body, Not(HasSubstr("glaze")));
}

TEST_F(ApiRecipes, a_build_can_name_a_stored_recipe) {
    put("tiny", support::tiny_recipe());
    put("tiny", "#changed\n" + support::tiny_recipe());
    const auto build = [&](const std::string& body) {
        return call("POST", "/v1/builds", body, {{"content-type", "application/json"}});
    };
    ASSERT_EQ(build(R"({"recipe": {"name": "tiny", "version": 1}})").status, 202U);
    EXPECT_EQ(runner.submitted.back().recipe, support::tiny_recipe());
    ASSERT_EQ(build(R"({"recipe": {"name": "tiny"}, "options": {"memory": "1GiB"}})").status, 202U);
    EXPECT_EQ(runner.submitted.back().recipe, "#changed\n" + support::tiny_recipe());
    for (const char* wrong : {R"({"recipe": {"name": "none"}})", R"({"recipe": {"name": "tiny", "version": 3}})",
                              R"({"recipe": {"name": "tiny", "version": "1"}})", R"({"recipe": {"version": 1}})",
                              R"({"recipe": {"name": "tiny", "else": 1}})", R"({"recipe": 1})"})
        problem(build(wrong), 400);
    EXPECT_EQ(runner.submitted.size(), 2U);
}

TEST_F(ApiRecipes, a_catalog_of_the_first_schema_is_taken_over) {
    const std::filesystem::path old = folder / "old.sqlite";
    {
        server::catalog::Database db(old);
        db.execute("CREATE TABLE job (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE); PRAGMA user_version = 1;");
    }
    const auto catalog = server::catalog::Catalog::open(old);
    EXPECT_TRUE(catalog->add_recipe({"web", 0, web, "", "digest", ""}, 9));
    EXPECT_EQ(server::catalog::Catalog::open(old)->recipe("web", 1)->text, web);
}

TEST_F(ApiRecipes, lint_answers_in_the_form_that_is_asked_for) {
    const std::string wrong = "#version=RHEL9\nselinux --enabled\nrootpw --plaintext vagrant\n";
    const auto as = [&](const std::string& accept) {
        return call("POST", "/v1/kickstart/lint", wrong, {{"accept", accept}});
    };
    const auto json = json_of(as("application/json"));
    EXPECT_EQ(json.at("schema").as_string(), "xenkiln-lint/1");
    EXPECT_EQ(json_of(as("*/*")), json);
    const auto sarif = json_of(as("application/sarif+json"));
    EXPECT_EQ(sarif.at("version").as_string(), "2.1.0");
    const auto& results = sarif.at("runs").at(0).at("results").as_array();
    ASSERT_FALSE(results.empty());
    const auto& place = results[0].at("locations").at(0).at("physicalLocation");
    EXPECT_EQ(place.at("artifactLocation").at("uri").as_string(), "recipe.ks");
    EXPECT_EQ(place.at("region").at("startLine").to_number<int>(), 2);
    EXPECT_EQ(header(as("application/sarif+json"), "Content-Type"), "application/sarif+json");
    const Response text = as("text/plain");
    EXPECT_THAT(text.body, HasSubstr("recipe.ks:2:9: error: selinux"));
    for (const char* accept : {"application/json", "application/sarif+json", "text/plain"})
        EXPECT_THAT(as(accept).body, Not(HasSubstr("vagrant"))) << accept;
}

TEST_F(ApiRecipes, lint_takes_a_level_and_a_name_and_nothing_else) {
    server::Request one = request("POST", "/v1/kickstart/lint");
    one.body = "install\n";
    one.query = {{"version", "RHEL7"}, {"file", "web.ks"}};
    const Response fine = stored.handle(one);
    EXPECT_EQ(fine.status, 200U);
    EXPECT_THAT(fine.body, HasSubstr("\"web.ks\""));
    EXPECT_THAT(fine.body, HasSubstr("RHEL7"));
    one.query = {{"version", "RHEL99"}};
    problem(stored.handle(one), 400);
    one.query = {{"level", "RHEL7"}};
    problem(stored.handle(one), 400);
    problem(call("GET", "/v1/kickstart/lint"), 405);
    EXPECT_EQ(call("POST", "/v1/kickstart/lint", std::string("lang C\0\xff\n", 9)).status, 200U);
}

}  // namespace
