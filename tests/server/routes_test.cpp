// SPDX-License-Identifier: Apache-2.0
// The table of routes: docs/api.md lists the same rows, and every row is held to what follows from the table alone.
#include "server/api/routes.hpp"

#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <sstream>

#include "server/api/api.hpp"
#include "tests/server/fakes.hpp"

namespace {

using server::Request;
using server::Response;
using server::access::Caller;
using server::access::Permission;
using server::api::Address;
using server::api::match;
using server::api::Named;
using server::api::Open;
using server::api::Protocol;
using server::api::Route;
using server::api::routes;
using server::catalog::JobState;
using testing::HasSubstr;

std::set<std::string> split(const std::string& list) {
    std::set<std::string> parts;
    const std::regex part(R"([^, ]+)");
    for (std::sregex_iterator at(list.begin(), list.end(), part), end; at != end; ++at) parts.insert(at->str());
    return parts;
}

// A service in which every address has something to tell.
class RouteTest : public support::ApiTest {
protected:
    RouteTest() {
        for (const auto& [id, kind] : {std::pair(build, "build"), std::pair(conversion, "conversion")})
            real->add_job({id, kind, JobState::done, "{}", "", "", "", "", 1, "", 1, "", ""});
        real->add_recipe({"web", 0, "lang C\n", "", digest_of('d'), ""}, 9);
        const std::string content(1 << 20, 'x');
        put(stored(digest_of('a')), content);
        real->publish({"one",
                       "One",
                       "2026-11-21T06:30:00Z",
                       build,
                       R"({"hardware":{"disks":[{"virtual_size":1048576}]}})",
                       {{digest_of('a'), "one", "one.raw", "raw", content.size(), digest_of('a'), "", 0, "", ""}}},
                      *real->job(build));
        upload = incoming.create("disk.raw", 4).id;
    }

    std::string path_of(const Route& route) const {
        std::string path(route.pattern);
        const auto fill = [&](const std::string& name, const std::string& value) {
            if (const std::size_t at = path.find(name); at != std::string::npos) path.replace(at, name.size(), value);
        };
        const auto below = [&](const char* part) { return path.find(part) != std::string::npos; };
        fill("{id}", below("/uploads") ? upload : below("/builds") ? build : conversion);
        fill("{name}", below("/recipes") ? "web" : "one");
        fill("{name...}", "a/disk.raw");
        fill("{version}", "1");
        fill("{sha256}", digest_of('a'));
        fill("{release}", "one");
        fill("{file}", "one.raw");
        fill("{format}", "qcow2");
        return path;
    }
    Response call(const std::string& method, const std::string& path, const Caller& caller = {}) {
        Request one = request(method, path);
        one.headers["tus-resumable"] = "1.0.0";
        one.caller = caller;
        Response response = full.handle(one);
        for (int i = 0; response.not_yet && i < 1000; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
            response = full.handle(one);
        }
        return response;
    }

    const std::string build = "00112233445566ff", conversion = "00112233445566fe";
    std::unique_ptr<server::catalog::Catalog> real = server::catalog::Catalog::open(folder / "catalog.sqlite");
    server::uploads::UploadFolder incoming{folder / "uploads", {1000, 10, 1000, 0}};
    std::string upload;
    server::api::Api full{config, *real, runner, store, key, &incoming, &incoming};
};

TEST(Routes, patterns) {
    EXPECT_EQ(match("/v1/builds/{id}", "/v1/builds/1f"), (Named{{"id", "1f"}}));
    EXPECT_EQ(match("/v1/builds/{id}", "/v1/builds/1f/"), (Named{{"id", "1f"}}));
    EXPECT_EQ(match("/recipes/{name}/{version}.ks", "/recipes/a.b/12.ks"), (Named{{"name", "a.b"}, {"version", "12"}}));
    EXPECT_EQ(match("/i/disk.{format}", "/i/disk."), (Named{{"format", ""}}));
    EXPECT_EQ(match("/u/{name...}", "/u/../a/b/"), (Named{{"name", "../a/b/"}}));
    EXPECT_EQ(match("/", "/"), Named{});
    for (const auto& [pattern, path] :
         std::vector<std::pair<const char*, const char*>>{{"/v1/builds/{id}", "/v1/builds"},
                                                          {"/v1/builds/{id}", "/v1/builds/"},
                                                          {"/v1/builds/{id}", "/v1/builds/a/b"},
                                                          {"/v1/builds", "/v1/build"},
                                                          {"/v1/builds", "/v1/buildsx"},
                                                          {"/v1/builds", "v1/builds"},
                                                          {"/i/disk.{format}", "/i/disk"},
                                                          {"/i/{n}.{f}.ks", "/i/x.k"},
                                                          {"/u/{name...}", "/u/"},
                                                          {"/u/{name...}", "/u"},
                                                          {"/", "*"},
                                                          {"/", "//"},
                                                          {"/", ""}})
        EXPECT_EQ(match(pattern, path), std::nullopt) << pattern << " " << path;
}

TEST(Routes, the_documentation_lists_every_row_and_no_other) {
    std::ifstream file(XENKILN_SOURCE_DIR "/docs/api.md");
    std::set<std::string> documented, here;
    bool inside = false;
    const std::regex address("`([^`]+)`");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("| address | methods |")) inside = true;
        if (!inside || line.starts_with("| address") || line.starts_with("|---")) continue;
        if (!line.starts_with("| ")) break;
        std::istringstream cells(line.substr(1));
        std::string addresses, methods;
        std::getline(cells, addresses, '|');
        std::getline(cells, methods, '|');
        for (std::sregex_iterator at(addresses.begin(), addresses.end(), address), end; at != end; ++at)
            for (const std::string& method : split(methods)) documented.insert(method + " " + at->str(1));
    }
    for (const Route& route : routes()) here.insert(std::string(route.method) + " " + std::string(route.pattern));
    EXPECT_EQ(here.size(), routes().size()) << "a row stands in the table twice";
    EXPECT_EQ(documented, here);
}

TEST_F(RouteTest, every_row_is_found_at_its_address) {
    for (const Route& route : routes()) {
        const Address address(path_of(route));
        const auto* row = address.row(route.method);
        ASSERT_TRUE(row) << route.pattern;
        EXPECT_EQ(row->route, &route) << route.method << " " << path_of(route) << " is " << row->route->pattern;
    }
}

TEST_F(RouteTest, head_is_answered_as_get_is) {
    for (const Route& route : routes()) {
        if (route.method != "GET") continue;
        const std::string path = path_of(route);
        const Response get = call("GET", path), head = call("HEAD", path);
        EXPECT_EQ(get.status, 200U) << path << ": " << get.body;
        EXPECT_EQ(head.status, 200U) << path;
        EXPECT_EQ(head.headers, get.headers) << path;
    }
}

TEST_F(RouteTest, options_tells_the_methods_and_every_other_one_is_refused_with_them) {
    for (const Route& route : routes()) {
        const std::string path = path_of(route);
        const Response told = call("OPTIONS", path);
        EXPECT_EQ(told.status, 204U) << path;
        EXPECT_TRUE(told.body.empty()) << path;
        const std::string allow = header(told, "Allow");
        const std::set<std::string> methods = split(allow);
        EXPECT_TRUE(methods.contains(std::string(route.method))) << path << ": " << allow;
        EXPECT_TRUE(methods.contains("OPTIONS")) << path << ": " << allow;
        EXPECT_EQ(methods.contains("HEAD"), methods.contains("GET")) << path << ": " << allow;
        for (const char* method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "BREW"}) {
            if (methods.contains(method)) continue;
            const Response refused = call(method, path);
            problem(refused, 405);
            EXPECT_EQ(header(refused, "Allow"), allow) << method << " " << path;
        }
    }
    EXPECT_EQ(header(call("OPTIONS", "/healthz"), "Allow"), "GET, HEAD, OPTIONS");
    EXPECT_EQ(header(call("OPTIONS", "/v1/uploads/x"), "Allow"), "DELETE, GET, HEAD, OPTIONS, PATCH, PUT");
    EXPECT_EQ(header(call("OPTIONS", "*"), "Allow"), "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");
    EXPECT_EQ(header(call("OPTIONS", "/v1/uploads"), "Tus-Max-Size"), "1000");
}

TEST_F(RouteTest, what_no_pattern_fits_is_404_for_every_method) {
    for (const char* method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"})
        for (const char* path : {"/nothing", "/v1", "/v1/nothing", "/v1/builds/a/b", "/download/one", "//", "x"})
            problem(call(method, path), 404);
    problem(call("GET", "*"), 404);
    EXPECT_THAT(call("GET", "/v1/builds/" + build + "/logs").body,
                HasSubstr("there is /v1/builds/{id}/events, /v1/builds/{id}/log"));
}

TEST_F(RouteTest, uploads_alone_take_their_body_as_it_comes) {
    for (const Route& route : routes()) {
        const std::string path = path_of(route);
        if (route.protocol == Protocol::http)
            for (const char* method : {"POST", "PUT", "PATCH"}) EXPECT_FALSE(server::api::Api::streams(method, path));
        if (std::holds_alternative<Open>(route.function))
            EXPECT_TRUE(server::api::Api::streams(route.method, path + "?a=b")) << path;
    }
    EXPECT_TRUE(server::api::Api::streams("POST", "/v1/uploads/" + upload)) << "X-HTTP-Method-Override: PATCH";
}

TEST_F(RouteTest, who_has_a_name_needs_the_permission_of_the_row) {
    for (const Route& route : routes()) {
        Caller caller{"somebody", {}};
        for (const Permission one : {Permission::read_public, Permission::read, Permission::build, Permission::publish})
            if (one != route.permission) caller.may.push_back(one);
        const std::string method(route.method), path = path_of(route);
        problem(call(method, path, caller), 403);
        caller.may = {route.permission};
        EXPECT_NE(call(method, path, caller).status, 403U) << method << " " << path;
        EXPECT_NE(call(method, path).status, 403U) << "nobody may: " << method << " " << path;
    }
}

}  // namespace
