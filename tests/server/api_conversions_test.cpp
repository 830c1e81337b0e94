// SPDX-License-Identifier: Apache-2.0
// Asking for conversions, against fakes of catalog, queue and uploads.
#include <gtest/gtest.h>

#include "tests/server/fakes.hpp"
#include "worker/conversion_request.hpp"

namespace {

using server::Request;
using server::Response;
using server::catalog::JobState;
using server::uploads::Upload;
using testing::HasSubstr;
namespace json = boost::json;

class FakeUploads : public server::uploads::Uploads {
public:
    std::optional<Upload> held;
    std::optional<Upload> find(const std::string& id) override { return held && held->id == id ? held : std::nullopt; }
};

class ApiConversions : public support::ApiTest {
protected:
    Response convert_text(const std::string& body, const std::string& type = "application/json") {
        Request asked = request("POST", "/v1/conversions");
        asked.headers["content-type"] = type;
        asked.body = body;
        return with_uploads.handle(asked);
    }
    Response convert(const json::value& body) { return convert_text(json::serialize(body)); }
    static json::object good() {
        return {{"source", {{"url", "https://images.example/web.qcow2"}}},
                {"outputs", json::array{{{"format", "xva"}, {"compression", "xz:6"}}, {{"format", "vhd"}}}},
                {"name", "web"}};
    }
    std::vector<std::string> reasons(const json::object& body, unsigned status = 422) {
        std::vector<std::string> all;
        const json::object told = problem(convert(body), status);
        for (const auto& error : told.at("errors").as_array()) all.emplace_back(error.at("reason").as_string());
        return all;
    }

    FakeUploads uploads;
    server::api::Api with_uploads{config, catalog, runner, store, key, &uploads};
};

TEST_F(ApiConversions, a_request_becomes_a_job_of_its_own_kind) {
    const Response response = convert(good());
    ASSERT_EQ(response.status, 202U) << response.body;
    const auto reply = json_of(response);
    const std::string id(reply.at("id").as_string());
    EXPECT_EQ(header(response, "Location"), "/v1/conversions/" + id);
    EXPECT_EQ(reply.at("links").at("log").as_string(), "/v1/conversions/" + id + "/log");
    EXPECT_FALSE(reply.contains("release"));  // another job may take that name first
    ASSERT_EQ(runner.submitted.size(), 1U);
    EXPECT_EQ(runner.submitted[0].kind, "conversion");
    EXPECT_TRUE(runner.submitted[0].recipe.empty());
    EXPECT_TRUE(runner.submitted[0].source.empty());
    EXPECT_EQ(json::parse(runner.submitted[0].request).at("conversion"), json::value(good()));
}

TEST_F(ApiConversions, jobs_of_one_kind_are_not_found_below_the_address_of_the_other) {
    catalog.add_job({"0000000000000001", "build", JobState::done, "{}", "", "", "", "", 1, "", 1, "", ""});
    catalog.add_job({"0000000000000002", "conversion", JobState::running, "{}", "", "", "", "", 1, "", 0, "", ""});
    const auto ids = [&](const char* path, const char* member) {
        std::string all;
        for (const auto& job : list_of(get(path), member)) all += std::string(job.at("id").as_string()).back();
        return all;
    };
    EXPECT_EQ(ids("/v1/builds", "builds"), "1");
    EXPECT_EQ(ids("/v1/conversions", "conversions"), "2");
    for (const char* path : {"/v1/builds/0000000000000002", "/v1/conversions/0000000000000001",
                             "/v1/builds/0000000000000002/events", "/v1/conversions/0000000000000001/log"})
        problem(get(path), 404);
    problem(api.handle(request("DELETE", "/v1/builds/0000000000000002")), 404);
    EXPECT_TRUE(runner.cancelled.empty());
    EXPECT_EQ(json_of(get("/v1/conversions/0000000000000002")).at("links").at("self").as_string(),
              "/v1/conversions/0000000000000002");
    EXPECT_EQ(api.handle(request("DELETE", "/v1/conversions/0000000000000002")).status, 202U);
}

TEST_F(ApiConversions, an_upload_is_handed_on_as_its_file_once_it_is_whole) {
    json::object body = good();
    body["source"] = {{"upload", "abc"}};
    EXPECT_THAT(std::string(problem(convert(body), 404).at("detail").as_string()), HasSubstr("no upload abc"));
    uploads.held = Upload{"abc", "web.qcow2", 100, 99, "", "", folder / "uploads/abc/data"};
    EXPECT_THAT(reasons(body).at(0), HasSubstr("99 of 100 bytes"));
    uploads.held->received = 100;
    ASSERT_EQ(convert(body).status, 202U);
    EXPECT_EQ(runner.submitted.at(0).source, folder / "uploads/abc/data");
    EXPECT_EQ(json::parse(runner.submitted[0].request).at("source").at("name").as_string(), "web.qcow2");
    Request without = request("POST", "/v1/conversions");
    without.headers["content-type"] = "application/json";
    without.body = json::serialize(body);
    problem(api.handle(without), 404);  // a service that takes none
}

TEST_F(ApiConversions, an_artifact_is_the_stores_file_and_must_be_an_image) {
    add_release("one-20261121-pvhvm");
    json::object body = good();
    const auto from = [&](const char* file) {
        body["source"] = {{"artifact", {{"release", "one-20261121-pvhvm"}, {"file_name", file}}}};
        return convert(body);
    };
    EXPECT_EQ(from("one-20261121-pvhvm.xva.xz").status, 202U);
    EXPECT_EQ(runner.submitted.at(0).source, stored(digest_of('a')));
    EXPECT_EQ(from("one-20261121-pvhvm.ova.xml").status, 422U);
    EXPECT_EQ(from("SHA256SUMS").status, 422U);
    EXPECT_EQ(from("../signing-key.pem").status, 404U);
    EXPECT_EQ(runner.submitted.size(), 1U);
}

TEST_F(ApiConversions, every_mistake_is_named_with_its_place) {
    const json::object body{
        {"source", {{"url", "ftp://x/y"}, {"sha256", "12"}, {"artifact", {{"release", 5}, {"colour", 1}}}}},
        {"from", "floppy"},
        {"outputs", json::array{{{"format", "ova"}},
                                {{"format", "xva"}, {"compression", "xz:10"}},
                                {{"format", "vhd"}, {"x", 1}},
                                {{"format", "qcow2-zlib"}, {"compression", "xz"}},
                                {{"format", "raw"}, {"checksum", "sha1"}},
                                {{"format", "vhd-fixed"}},
                                {{"format", "vhd-fixed"}},
                                nullptr}},
        {"hardware",
         {{"vcpus", 0},
          {"memory", "lots"},
          {"mode", "fast"},
          {"template", 1},
          {"network_interfaces", 8},
          {"name", "a\nb"},
          {"firmware", "bios"},
          {"secure_boot", true},
          {"wings", 2}}},
        {"disk", 17},
        {"nested", 0},
        {"surprise", true}};
    const std::vector<std::string> found = reasons(body);
    for (const char* wanted : {"source: names 2",
                               "source.url: 'ftp",
                               "source.sha256: '12'",
                               "source.artifact.release: is not text",
                               "source.artifact.file_name: is missing",
                               "source.artifact.colour: is not known",
                               "from: 'floppy'",
                               "outputs[0].format: 'ova'",
                               "outputs[1].compression: 'xz:10': xz has levels 0 to 9",
                               "outputs[2].x: ",
                               "outputs[3].compression: 'xz': the clusters",
                               "outputs[4].checksum",
                               "outputs[6]: vhd-fixed is listed twice",
                               "outputs[7]: is not an object",
                               "name: is missing",
                               "hardware.vcpus: '0'",
                               "hardware.memory: 'lots'",
                               "hardware.mode: 'fast'",
                               "hardware.template",
                               "hardware.network_interfaces: 8",
                               "hardware.name: has a control",
                               "hardware.secure_boot",
                               "hardware.wings",
                               "disk: 17",
                               "nested",
                               "surprise: is not known"})
        EXPECT_TRUE(std::any_of(found.begin(), found.end(), [&](const auto& one) { return one.starts_with(wanted); }))
            << wanted << " in " << json::serialize(json::value_from(found));
    EXPECT_TRUE(runner.submitted.empty());
}

TEST_F(ApiConversions, an_address_with_credentials_is_refused_and_its_query_is_never_told) {
    json::object body = good();
    body["source"] = {{"url", "https://me:secret@images.example/x"}};
    for (const std::string& reason : reasons(body)) EXPECT_EQ(reason.find("secret"), std::string::npos) << reason;
    body["source"] = {{"url", "https://images.example/x.qcow2?token=secret#y"}, {"sha256", std::string(64, 'A')}};
    const auto read = worker::read_conversion(body);
    EXPECT_TRUE(read.errors.empty());
    EXPECT_EQ(read.request.source.described(), "https://images.example/x.qcow2");
    EXPECT_EQ(read.request.source.sha256, std::string(64, 'a'));
}

TEST_F(ApiConversions, what_is_asked_for_is_what_is_read) {
    json::object body = good();
    body["hardware"] = {{"vcpus", 4}, {"memory", "3GiB"}, {"firmware", "uefi"}, {"template", true}, {"mode", "hvm"}};
    body["from"] = "qcow2";
    const auto read = worker::read_conversion(body);
    ASSERT_TRUE(read.errors.empty()) << read.errors.front();
    const auto& asked = read.request;
    ASSERT_EQ(asked.outputs.size(), 2U);
    EXPECT_EQ(output_name(asked.outputs[0]), "xva.xz");
    EXPECT_EQ(asked.outputs[0].level, 6);
    EXPECT_EQ(output_name(asked.outputs[1]), "vhd");
    EXPECT_EQ(asked.hardware.vcpus, 4U);
    EXPECT_EQ(asked.hardware.memory_bytes, std::uint64_t{3} << 30);
    EXPECT_EQ(asked.hardware.firmware, formats::Firmware::uefi);
    EXPECT_EQ(asked.hardware.mode, formats::Mode::hvm);
    EXPECT_EQ(asked.hardware.is_template, true);
    EXPECT_EQ(asked.from, formats::Format::qcow2);
}

TEST_F(ApiConversions, hostile_bodies_are_problems_never_jobs) {
    for (const char* body : {"", "[", "[]", "null", "{\"source\":", "\"x\""}) problem(convert_text(body), 400);
    for (const char* body :
         {"{}", R"({"source":[],"outputs":[],"name":[]})", R"({"source":{},"outputs":{},"name":{}})",
          R"({"source":{"upload":""},"outputs":[[]],"name":"x"})", R"({"source":{"url":"http://"},"outputs":[{}]})"})
        problem(convert_text(body), 422);
    problem(convert_text("{}", "text/plain"), 415);
    EXPECT_TRUE(runner.submitted.empty());
    runner.refusal = "a conversion needs 1088 MiB free, there are 5 MiB";
    EXPECT_EQ(problem(convert(good()), 507).at("detail").as_string(), runner.refusal);
}

TEST_F(ApiConversions, the_page_of_a_converted_release_shows_what_it_was_and_how_it_is_taken) {
    auto& release =
        add_release("web-20261121", R"({"kind":"conversion","source":{"from":"upload abc","file_name":"<w>.qcow2",
        "format":"qcow2","packing":"none","file_size":1234567},"hardware":{"disks":[{"virtual_size":1048577,
        "disk_digest":"d1gest"}]},"notes":[{"line":0,"message":"a note"}]})");
    release.artifacts[0].file_name = "web-20261121.vhd.xz";
    release.artifacts[0].format = "vhd.xz";
    std::string page = get("/releases/web-20261121").body;
    for (const char* text :
         {"upload abc", "&lt;w&gt;.qcow2", "d1gest", "a note", "virtual-size=2097152",
          "xz -dc web-20261121.vhd.xz &gt; web-20261121.vhd", "filename=web-20261121.vhd format=vhd"})
        EXPECT_THAT(page, HasSubstr(text));
    for (const char* text : {"vm-import", "Recipe", "Packages", "recipe says"})
        EXPECT_EQ(page.find(text), std::string::npos) << text;
    release.artifacts[0].file_name = "web-20261121-fixed.vhd";  // no host reads it one way through
    release.artifacts[0].format = "vhd-fixed";
    page = get("/releases/web-20261121").body;
    EXPECT_EQ(page.find("vdi-import"), std::string::npos);
    EXPECT_THAT(page, HasSubstr("web-20261121-fixed.vhd"));
}

}  // namespace
