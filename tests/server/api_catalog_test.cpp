// SPDX-License-Identifier: Apache-2.0
// What the catalog shows: releases, artifacts, downloads, the key and the pages.
#include <gtest/gtest.h>

#include "tests/server/fakes.hpp"

namespace {

using server::Response;
using testing::HasSubstr;
using testing::Not;

class ApiCatalog : public support::ApiTest {};

constexpr const char* full_details =
    R"({"hardware":{"name":"debian-12","description":"Debian 12","mode":"pvhvm","firmware":"bios","vcpus":2,"memory_bytes":2147483648,
        "network_interfaces":1,"template":false,"disks":[{"virtual_size":8589934592}]},"distribution":"debian-12",
        "notes":[{"line":3,"message":"firewall is left to the guest"}],"packages":{"openssh-server":"1:9.2p1-2"}})";

TEST_F(ApiCatalog, a_release_has_all_that_is_needed_to_fetch_and_check_it) {
    add_release("debian-12-20261121-pvhvm", full_details);
    const auto listed = json_of(get("/v1/releases")).at("releases").as_array();
    ASSERT_EQ(listed.size(), 1U);
    EXPECT_EQ(listed[0].as_object().at("name").as_string(), "debian-12-20261121-pvhvm");

    const auto release = json_of(get("/v1/releases/debian-12-20261121-pvhvm"));
    EXPECT_EQ(release.at("name").as_string(), "debian-12-20261121-pvhvm");
    ASSERT_EQ(release.at("artifacts").as_array().size(), 3U);
    const auto& image = release.at("artifacts").as_array()[0].as_object();
    EXPECT_EQ(image.at("file_name").as_string(), "debian-12-20261121-pvhvm.xva.xz");
    EXPECT_EQ(image.at("size").to_number<std::uint64_t>(), 300003U);
    EXPECT_EQ(image.at("sha256").as_string(), digest_of('a'));
    EXPECT_EQ(image.at("image_sha256").as_string(), digest_of('e'));
    EXPECT_EQ(image.at("image_size").to_number<std::uint64_t>(), 1073741824U);
}

TEST_F(ApiCatalog, an_artifact_is_known_by_its_digest) {
    add_release("one-20261121-pvhvm");
    const auto artifact = json_of(get("/v1/artifacts/" + digest_of('a')));
    EXPECT_EQ(artifact.at("release").as_string(), "one-20261121-pvhvm");
    EXPECT_EQ(artifact.at("file_name").as_string(), "one-20261121-pvhvm.xva.xz");
    problem(get("/v1/artifacts/" + digest_of('9')), 404);
    problem(get("/v1/artifacts/../../etc/passwd"), 404);
}

TEST_F(ApiCatalog, a_download_is_the_stored_file_under_its_digest) {
    add_release("one-20261121-pvhvm");
    const Response image = get("/download/one-20261121-pvhvm/one-20261121-pvhvm.xva.xz");
    EXPECT_EQ(image.status, 200U);
    ASSERT_TRUE(image.file);
    EXPECT_EQ(std::filesystem::file_size(image.file->path), 300003U);
    EXPECT_EQ(image.file->etag, digest_of('a'));
    EXPECT_TRUE(image.file->one_shot);
    EXPECT_TRUE(header(image, "Content-Encoding").empty());
    EXPECT_TRUE(header(image, "Transfer-Encoding").empty());
    const Response sums = get("/download/one-20261121-pvhvm/SHA256SUMS");
    ASSERT_TRUE(sums.file);
    EXPECT_FALSE(sums.file->one_shot);
    EXPECT_THAT(header(sums, "Content-Type"), HasSubstr("text/plain"));
}

TEST_F(ApiCatalog, every_form_of_an_xva_is_sent_in_one_piece) {
    auto& release = add_release("one-20261121-pvhvm");
    for (const char* ending : {"xva", "xva.gz", "xva.zst", "xva.xz"}) {
        release.artifacts[0].file_name = std::string("x.") + ending;
        release.artifacts[0].format = ending;
        const Response image = get(std::string("/download/one-20261121-pvhvm/x.") + ending);
        ASSERT_TRUE(image.file) << ending;
        EXPECT_TRUE(image.file->one_shot) << ending;
        EXPECT_TRUE(header(image, "Content-Encoding").empty()) << ending;
    }
}

TEST_F(ApiCatalog, nothing_but_catalogued_files_can_be_had) {
    add_release("one-20261121-pvhvm");
    put(folder / "releases/one-20261121-pvhvm/not-catalogued", "x");
    for (const char* path :
         {"/download/one-20261121-pvhvm/not-catalogued", "/download/one-20261121-pvhvm/..",
          "/download/one-20261121-pvhvm/../../signing-key.pem", "/download/../signing-key.pem",
          "/download/../../signing-key.pem/x", "/download/one-20261121-pvhvm/", "/download/one-20261121-pvhvm",
          "/download/", "/download", "/keys/signing-key.pem", "/keys/../signing-key.pem", "/signing-key.pem",
          "/releases/none", "/v1/releases/none", "/v1", "/nothing"})
        problem(get(path), 404);
    problem(get(std::string("/download/one-20261121-pvhvm/SHA256SUMS\0.sig", 44)), 404);
}

TEST_F(ApiCatalog, a_catalogued_file_that_is_gone_from_the_store_is_an_error_not_a_crash) {
    add_release("one-20261121-pvhvm");
    std::filesystem::remove(stored(digest_of('a')));
    const Response gone = get("/download/one-20261121-pvhvm/one-20261121-pvhvm.xva.xz");
    EXPECT_TRUE(gone.status >= 400 || gone.file) << gone.status;  // http answers for a file that cannot be opened
}

TEST_F(ApiCatalog, the_public_key_has_a_stable_address_and_is_the_public_half) {
    const Response response = get("/keys/signing.pem");
    EXPECT_EQ(response.status, 200U);
    std::string pem = response.body;
    if (response.file) {
        std::ifstream file(response.file->path);
        pem = {std::istreambuf_iterator<char>(file), {}};
    }
    EXPECT_EQ(pem, key.public_pem());
    EXPECT_THAT(pem, HasSubstr("BEGIN PUBLIC KEY"));
    EXPECT_THAT(pem, Not(HasSubstr("PRIVATE")));
}

TEST_F(ApiCatalog, health_names_the_service) {
    const auto health = json_of(get("/healthz"));
    EXPECT_EQ(health.at("service").as_string(), "xenkiln");
}

TEST_F(ApiCatalog, the_page_shows_what_an_administrator_needs) {
    add_release("debian-12-20261121-pvhvm", full_details);
    for (const char* path : {"/", "/releases/debian-12-20261121-pvhvm"}) {
        const Response page = get(path);
        EXPECT_EQ(page.status, 200U);
        EXPECT_THAT(header(page, "Content-Type"), HasSubstr("text/html"));
        EXPECT_THAT(header(page, "Content-Security-Policy"), HasSubstr("default-src 'none'"));
        for (const std::string& text :
             {std::string("debian-12-20261121-pvhvm.xva.xz"), digest_of('a'), std::string(32, 'a'), digest_of('e'),
              std::string("xe vm-import"), std::string("openssl dgst -sha256 -verify"),
              std::string("/keys/signing.pem"), std::string("8 GiB"), std::string("2 GiB")})
            EXPECT_THAT(page.body, HasSubstr(text)) << path;
        EXPECT_THAT(page.body, Not(HasSubstr("http://www."))) << "nothing from other hosts";
        EXPECT_THAT(page.body, Not(HasSubstr("<script"))) << "works without JavaScript";
    }
}

TEST_F(ApiCatalog, an_empty_catalog_has_a_page) {
    const Response page = get("/");
    EXPECT_EQ(page.status, 200U);
    EXPECT_THAT(page.body, HasSubstr("</html>"));
}

TEST_F(ApiCatalog, details_may_say_anything_or_nothing) {
    for (const char* details : {"", "{", "null", "[]", "5", "{\"hardware\":5}",
                                "{\"hardware\":{\"vcpus\":\"many\",\"memory_bytes\":-5,\"disks\":{}}}",
                                "{\"hardware\":{\"disks\":[1,null,{\"virtual_size\":\"x\"},{\"virtual_size\":1e300}]},"
                                "\"notes\":7,\"packages\":[[]]}"}) {
        catalog.all_releases.clear();
        add_release("odd-20261121-pvhvm", details);
        for (const char* path :
             {"/", "/releases/odd-20261121-pvhvm", "/v1/releases", "/v1/releases/odd-20261121-pvhvm"}) {
            const Response page = get(path);
            EXPECT_EQ(page.status, 200U) << path << " with details " << details << ": " << page.body;
        }
        EXPECT_NO_THROW(json_of(get("/v1/releases/odd-20261121-pvhvm"))) << details;
    }
}

TEST_F(ApiCatalog, text_of_recipes_is_text_never_markup) {
    constexpr const char* evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;";
    auto& release =
        add_release("evil-20261121-pvhvm",
                    boost::json::serialize(boost::json::object{
                        {"hardware",
                         {{"name", evil},
                          {"description", evil},
                          {"mode", evil},
                          {"firmware", evil},
                          {"disks", boost::json::array{evil}}}},
                        {"distribution", evil},
                        {"notes", boost::json::array{evil, boost::json::object{{"line", 1}, {"message", evil}}}},
                        {"packages", {{evil, evil}}}}));
    release.title = evil;
    catalog.add_job({release.build, "build", server::catalog::JobState::done, "{}", std::string("# ") + evil + "\n", "",
                     "", "", 1, evil, 1, evil, release.name});
    for (const std::string& path : {std::string("/"), "/releases/" + release.name}) {
        const Response page = get(path);
        EXPECT_EQ(page.status, 200U);
        EXPECT_THAT(page.body, Not(HasSubstr("<script>alert"))) << path;
        EXPECT_THAT(page.body, Not(HasSubstr("<img src=x"))) << path;
        EXPECT_THAT(page.body, HasSubstr("&lt;script&gt;alert")) << path;
    }
}

TEST_F(ApiCatalog, a_password_of_a_recipe_is_on_no_page) {
    const auto& release = add_release("secret-20261121-pvhvm");
    catalog.add_job({release.build, "build", server::catalog::JobState::done, R"({"options":{}})",
                     "rootpw --plaintext hunter2hunter2\nuser --name=a --password=$6$salt$crypted --iscrypted\n"
                     "#user --pa=hunter2\n%post\necho root:hunter2hunter2 | chpasswd\n%end\n",
                     "", "", "", 1, "", 1, "", release.name});
    for (const std::string& path :
         {std::string("/"), "/releases/" + release.name, std::string("/v1/releases"), "/v1/releases/" + release.name,
          std::string("/v1/builds"), "/v1/builds/" + release.build}) {
        const Response page = get(path);
        EXPECT_EQ(page.status, 200U) << path;
        EXPECT_THAT(page.body, Not(HasSubstr("hunter2"))) << path;
        EXPECT_THAT(page.body, Not(HasSubstr("$6$salt"))) << path;
    }
}

TEST_F(ApiCatalog, releases_come_in_pages) {
    for (int i = 0; i < 5; ++i) add_release("r" + std::to_string(i) + "-20261121-pvhvm");
    server::Request list = request("GET", "/v1/releases");
    list.query = {{"limit", "2"}};
    Response response = api.handle(list);
    EXPECT_EQ(json_of(response).at("releases").as_array().size(), 2U);
    EXPECT_THAT(header(response, "Link"), HasSubstr("rel=\"next\""));
    EXPECT_THAT(header(response, "Link"), HasSubstr("before=r3-20261121-pvhvm"));
    list.query = {{"limit", "2"}, {"before", "r1-20261121-pvhvm"}};
    response = api.handle(list);
    EXPECT_EQ(json_of(response).at("releases").as_array().size(), 1U);
    EXPECT_EQ(header(response, "Link"), "");
}

}  // namespace
