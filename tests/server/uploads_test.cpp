// SPDX-License-Identifier: Apache-2.0
// Uploads: the headers of tus, what survives which crash, limits, expiry, and tus's rules by way of the API.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "formats/base/text.hpp"
#include "formats/stream/digest.hpp"
#include "server/api/api.hpp"
#include "server/uploads/upload_state.hpp"
#include "tests/server/fakes.hpp"

namespace {

namespace fs = std::filesystem;
using namespace server::uploads;
using server::Response;
using testing::HasSubstr;

std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span(text));
}

TEST(TusHeaders, base64_has_one_spelling) {
    EXPECT_EQ(formats::from_base64("d29ybGQ="), "world");
    EXPECT_EQ(formats::from_base64(""), "");
    EXPECT_EQ(formats::from_base64("/+8="), "\xff\xef");
    for (const char* wrong : {"d29ybGQ", "d29ybGR=", "d29y bGQ=", "=", "====", "A===", "d29ybG-_", "d2=ybGQ="})
        EXPECT_EQ(formats::from_base64(wrong), std::nullopt) << wrong;
}

TEST(TusHeaders, metadata) {
    const Metadata found = parse_metadata("filename d29ybGQ=,is_confidential, empty ");
    EXPECT_EQ(found, (Metadata{{"filename", "world"}, {"is_confidential", ""}, {"empty", ""}}));
    EXPECT_TRUE(parse_metadata("").empty());
    for (const char* wrong : {",", "a,", "a d29ybGQ=,a d29ybGQ=", "a d29ybGQ", " , b", "n\xc3\xa4me d29ybGQ=", "a b c"})
        EXPECT_THROW(parse_metadata(wrong), std::invalid_argument) << wrong;
}

TEST(TusHeaders, checksum) {
    const Checksum found = parse_checksum("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=");
    EXPECT_EQ(found.kind, formats::DigestKind::sha1);
    EXPECT_EQ(formats::to_hex(bytes(found.digest)), "2aae6c35c94fcfb415dbe95f408b9ce91ee846ed");
    EXPECT_EQ(parse_checksum("md5 XrY7u+Ae7tCTyyK7j1rNww==").digest.size(), 16U);
    for (const char* wrong : {"", "sha1", "sha1 ", "sha512 AAAA", "sha1 Kq5s",
                              "SHA1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", "sha256 Kq5sNclPz7QV2+lfQIuc6R7oRu0="})
        EXPECT_THROW(parse_checksum(wrong), std::invalid_argument) << wrong;
}

TEST(TusHeaders, numbers_are_digits_that_fit) {
    EXPECT_EQ(parse_number("0"), 0U);
    EXPECT_EQ(parse_number("18446744073709551615"), UINT64_MAX);
    for (const char* wrong : {"", "-1", "+1", " 1", "1 ", "0x1", "1.0", "18446744073709551616", "5, 5"})
        EXPECT_EQ(parse_number(wrong), std::nullopt) << wrong;
}

TEST(TusHeaders, a_name_is_never_a_path) {
    EXPECT_EQ(clean_name("disk.qcow2"), "disk.qcow2");
    EXPECT_EQ(clean_name("../../etc/passwd"), "passwd");
    EXPECT_EQ(clean_name("C:\\Images\\disk.vhd"), "disk.vhd");
    EXPECT_EQ(clean_name(std::string_view("a\0b\nc\x1b[1m", 9)), "abc[1m");
    EXPECT_EQ(clean_name("d\xc3\xa4nisch"), "d\xc3\xa4nisch");
    for (const char* nothing : {"", "..", ".", "/", "a/", "  ", "\n"}) EXPECT_EQ(clean_name(nothing), "upload");
    std::string longer;
    for (int i = 0; i < 200; ++i) longer += "\xc3\xa4";
    EXPECT_EQ(clean_name(longer).size(), 254U);  // 127 characters: the 128th would be cut in two
}

class UploadTest : public testing::Test {
protected:
    UploadTest() {
        std::string pattern = fs::temp_directory_path() / "xenkiln-uploads-XXXXXX";
        folder = ::mkdtemp(pattern.data());
        start();
    }
    ~UploadTest() override {
        uploads.reset();
        fs::remove_all(folder);
    }
    void start() {
        uploads.reset();
        uploads = std::make_unique<UploadFolder>(folder / "uploads", limits,
                                                 Surroundings{[this] { return now; }, [this] { return free; }});
    }
    // Another life that finds the files as they are this moment: what kill -9 leaves.
    std::unique_ptr<UploadFolder> after_kill() {
        fs::remove_all(folder / "copy");
        fs::copy(folder / "uploads", folder / "copy", fs::copy_options::recursive);
        return std::make_unique<UploadFolder>(folder / "copy", limits,
                                              Surroundings{[this] { return now; }, [this] { return free; }});
    }
    static std::string content(const fs::path& file) {
        std::ifstream in(file, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    static void other_boot(const fs::path& upload) {
        Mark mark = read_mark(upload / "mark");
        mark.boot = "another";
        write_mark(open_write(upload / "mark"), mark);
    }
    std::optional<UploadRefused::Reason> refused(const std::function<void()>& act) {
        try {
            act();
        } catch (const UploadRefused& error) {
            sentence = error.what();
            return error.reason;
        }
        return std::nullopt;
    }

    fs::path folder;
    Limits limits{1000, 3, 100, 50};
    std::int64_t now = 1000000;
    std::uint64_t free = 1000000;
    std::unique_ptr<UploadFolder> uploads;
    std::string sentence;
};

using Reason = UploadRefused::Reason;

TEST_F(UploadTest, bytes_come_in_pieces_and_count_when_they_are_synced) {
    const Upload made = uploads->create("dir/disk.raw", 10, "filename x");
    EXPECT_EQ(made.name, "disk.raw");
    auto writer = uploads->write(made.id, 0);
    writer->write(bytes("01234"));
    EXPECT_EQ(uploads->read(made.id).received, 0U);
    EXPECT_TRUE(writer->finish(false));
    writer.reset();
    EXPECT_EQ(uploads->read(made.id).received, 5U);
    uploads->write(made.id, 5)->write(bytes("56789"));  // its destructor keeps what came
    const auto found = uploads->find(made.id);
    ASSERT_TRUE(found && found->complete());
    EXPECT_EQ(content(found->file), "0123456789");
    struct stat status {};
    ASSERT_EQ(::stat(found->file.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    ASSERT_EQ(::stat((folder / "uploads").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0700U);
}

TEST_F(UploadTest, after_kill_the_files_real_size_counts) {
    const Upload made = uploads->create("a", 10);
    auto writer = uploads->write(made.id, 0);
    writer->write(bytes("0123456"));
    const auto next = after_kill();
    EXPECT_EQ(next->read(made.id).received, 7U);
    EXPECT_EQ(next->read(made.id).name, "a");
    next->write(made.id, 7)->write(bytes("789"));
    EXPECT_EQ(content(next->find(made.id)->file), "0123456789");
}

TEST_F(UploadTest, after_a_power_cut_only_the_mark_counts) {
    const Upload made = uploads->create("a", 10);
    uploads->write(made.id, 0)->write(bytes("01"));
    auto writer = uploads->write(made.id, 2);
    writer->write(bytes("23456"));
    other_boot(made.file.parent_path());
    const auto next = after_kill();
    EXPECT_EQ(next->read(made.id).received, 2U);
    EXPECT_EQ(content(next->read(made.id).file), "01");
    // And a file that lost bytes, whatever its mark says, is not told longer than it is.
    fs::resize_file(made.file, 1);
    EXPECT_EQ(after_kill()->read(made.id).received, 1U);
}

TEST_F(UploadTest, a_chunk_with_a_checksum_counts_whole_or_not_at_all) {
    const Upload made = uploads->create("a", 10);
    uploads->write(made.id, 0)->write(bytes("01"));
    const Checksum right = parse_checksum("md5 FhYrqbX9EjqMy0ayzvDU2A==");  // of "2345"
    ASSERT_NE(formats::digest_hex(formats::DigestKind::md5, std::string("2345")), formats::to_hex(bytes(right.digest)));
    Checksum sum{formats::DigestKind::sha1, {}};
    formats::Digest digest(sum.kind);
    digest.update(bytes("2345"));
    for (const std::byte one : digest.finish()) sum.digest += static_cast<char>(one);

    auto writer = uploads->write(made.id, 2, right);
    writer->write(bytes("2345"));
    EXPECT_EQ(after_kill()->read(made.id).received, 2U);  // nobody can vouch for them
    EXPECT_FALSE(writer->finish(true));
    writer.reset();
    EXPECT_EQ(uploads->read(made.id).received, 2U);
    EXPECT_EQ(content(made.file), "01");

    uploads->write(made.id, 2, sum)->write(bytes("2345"));  // the connection breaks before its end is known
    EXPECT_EQ(content(made.file), "01");
    writer = uploads->write(made.id, 2, sum);
    writer->write(bytes("23"));
    writer->write(bytes("45"));
    EXPECT_TRUE(writer->finish(true));
    writer.reset();
    EXPECT_EQ(uploads->read(made.id).received, 6U);
    EXPECT_EQ(after_kill()->read(made.id).received, 6U);
}

TEST_F(UploadTest, one_writer_at_its_offset_and_not_beyond_the_size) {
    const Upload made = uploads->create("a", 10);
    auto writer = uploads->write(made.id, 0);
    EXPECT_EQ(refused([&] { uploads->write(made.id, 0); }), Reason::busy);
    EXPECT_EQ(refused([&] { uploads->remove(made.id); }), Reason::busy);
    writer->write(bytes("0123456789"));
    EXPECT_EQ(refused([&] { writer->write(bytes("x")); }), Reason::too_large);
    EXPECT_THAT(sentence, HasSubstr("10 bytes"));
    writer.reset();
    EXPECT_EQ(refused([&] { uploads->write(made.id, 9); }), Reason::other_offset);
    EXPECT_THAT(sentence, testing::AllOf(HasSubstr("byte 10"), HasSubstr("not at 9")));
    EXPECT_EQ(refused([&] { uploads->write("nothing", 0); }), Reason::unknown);
    uploads->remove(made.id);
    EXPECT_EQ(refused([&] { uploads->read(made.id); }), Reason::unknown);
    EXPECT_TRUE(fs::is_empty(folder / "uploads"));
}

TEST_F(UploadTest, limits_and_space_with_what_others_were_promised) {
    EXPECT_EQ(refused([&] { uploads->create("a", 1001); }), Reason::too_large);
    EXPECT_THAT(sentence, testing::AllOf(HasSubstr("1001"), HasSubstr("1000")));
    free = 1049;
    EXPECT_EQ(refused([&] { uploads->create("a", 1000); }), Reason::no_space);
    free = 1050;
    const Upload first = uploads->create("a", 1000);
    uploads->write(first.id, 0)->write(bytes("0123456789"));
    free = 1050 - 10;  // the file system's view
    EXPECT_EQ(refused([&] { uploads->create("b", 1); }), Reason::no_space);
    EXPECT_THAT(sentence, testing::AllOf(HasSubstr("1041"), HasSubstr("990"), HasSubstr("1040")));
    free = 1041;
    uploads->create("b", 1);
    free = 1000000;
    uploads->create("c", 0);
    EXPECT_EQ(refused([&] { uploads->create("d", 0); }), Reason::too_many);
    EXPECT_THAT(sentence, HasSubstr("3 uploads, at most 3"));
}

TEST_F(UploadTest, what_nobody_touches_expires_also_over_a_restart) {
    const Upload idle = uploads->create("idle", 2), used = uploads->create("used", 2),
                 sent = uploads->create("sent", 2);
    uploads->write(used.id, 0)->write(bytes("01"));
    auto writer = uploads->write(sent.id, 0);
    EXPECT_EQ(idle.expires, "1970-01-12T13:48:20Z");
    now += 60;
    EXPECT_TRUE(uploads->find(used.id));
    EXPECT_TRUE(uploads->find(idle.id));  // asking for what cannot be used yet is no use
    now += 60;
    EXPECT_EQ(refused([&] { uploads->read(idle.id); }), Reason::expired);
    EXPECT_FALSE(uploads->find(idle.id));
    uploads->sweep();
    EXPECT_FALSE(fs::exists(idle.file));
    EXPECT_TRUE(fs::exists(sent.file));  // it is being sent
    writer.reset();
    start();
    EXPECT_EQ(uploads->read(used.id).expires_at, 1000000 + 60 + 100);
    now += 60;
    start();
    EXPECT_EQ(uploads->list().size(), 1U);
    EXPECT_FALSE(fs::exists(used.file));
}

TEST_F(UploadTest, what_is_half_made_goes_and_what_is_foreign_stays) {
    const Upload made = uploads->create("a", 2);
    fs::create_directories(folder / "uploads" / ".half");
    fs::create_directories(folder / "uploads" / "foreign");
    fs::copy(made.file.parent_path(), folder / "uploads" / "broken");
    std::ofstream(folder / "uploads" / "broken" / "mark") << "nonsense\n";
    start();
    EXPECT_EQ(uploads->list().size(), 1U);
    EXPECT_FALSE(fs::exists(folder / "uploads" / ".half"));
    EXPECT_TRUE(fs::exists(folder / "uploads" / "foreign"));
    EXPECT_TRUE(fs::exists(folder / "uploads" / "broken" / "upload.json"));
}

class UploadApiTest : public UploadTest {
protected:
    using Headers = std::map<std::string, std::string>;
    Response call(const std::string& method, const std::string& path, Headers headers = {},
                  const std::string& body = {}) {
        server::api::Api api(config, catalog, runner, store, key, uploads.get(), uploads.get());
        headers.try_emplace("content-length", std::to_string(body.size()));
        return api.handle({method, path, {}, headers, body});
    }
    Response tus(const std::string& method, const std::string& path, Headers headers = {},
                 const std::string& body = {}) {
        headers.try_emplace("tus-resumable", "1.0.0");
        if (method == "PATCH") headers.try_emplace("content-type", "application/offset+octet-stream");
        return call(method, path, headers, body);
    }
    static std::string header(const Response& response, const std::string& name) {
        for (const auto& [key, value] : response.headers)
            if (key == name) return value;
        return "(none)";
    }

    server::Config config;
    support::FakeCatalog catalog;
    support::FakeRunner runner;
    server::store::Store store{folder / "store"};
    server::publish::SigningKey key = server::publish::SigningKey::load_or_create(folder);
};

TEST_F(UploadApiTest, creation_chunks_and_the_end) {
    const Response made =
        tus("POST", "/v1/uploads", {{"upload-length", "6"}, {"upload-metadata", "filename ZC5yYXc="}});
    ASSERT_EQ(made.status, 201U) << made.body;
    const std::string at = header(made, "Location");
    EXPECT_EQ(header(made, "Tus-Resumable"), "1.0.0");
    EXPECT_EQ(tus("PATCH", at, {{"upload-offset", "0"}}, "0123").status, 204U);
    const Response asked = tus("HEAD", at);
    EXPECT_EQ(asked.status, 200U);
    EXPECT_EQ(header(asked, "Upload-Offset"), "4");
    EXPECT_EQ(header(asked, "Upload-Length"), "6");
    EXPECT_EQ(header(asked, "Upload-Metadata"), "filename ZC5yYXc=");
    EXPECT_EQ(header(asked, "Cache-Control"), "no-store");
    EXPECT_EQ(header(asked, "Upload-Expires"), "Mon, 12 Jan 1970 13:48:20 GMT");
    // Both ways to say PATCH where only POST gets through.
    const Response last = tus("POST", at,
                              {{"x-http-method-override", "PATCH"},
                               {"upload-offset", "4"},
                               {"content-type", "application/offset+octet-stream"}},
                              "45");
    EXPECT_EQ(last.status, 204U) << last.body;
    EXPECT_EQ(header(last, "Upload-Offset"), "6");
    const Response told = call("GET", at);
    EXPECT_THAT(told.body, testing::AllOf(HasSubstr("\"complete\":true"), HasSubstr("\"name\":\"d.raw\"")));
    EXPECT_THAT(call("GET", "/v1/uploads").body, HasSubstr("\"received\":6"));
    EXPECT_EQ(tus("POST", at, {{"x-http-method-override", "DELETE"}}).status, 204U);
    EXPECT_EQ(tus("HEAD", at).status, 404U);
    EXPECT_EQ(tus("DELETE", at).status, 404U);
}

TEST_F(UploadApiTest, every_refusal_has_its_status) {
    const std::string at = header(tus("POST", "/v1/uploads", {{"upload-length", "6"}}), "Location");
    const Headers chunk{{"upload-offset", "0"}};
    const auto with = [](Headers headers, const Headers& more) {
        for (const auto& [name, value] : more) headers[name] = value;
        return headers;
    };
    EXPECT_EQ(tus("PATCH", at, {{"upload-offset", "1"}}, "x").status, 409U);
    EXPECT_EQ(tus("PATCH", at, {}, "x").status, 400U);
    EXPECT_EQ(tus("PATCH", at, with(chunk, {{"content-type", "text/plain"}}), "x").status, 415U);
    EXPECT_EQ(tus("PATCH", at, chunk, "0123456").status, 413U);
    EXPECT_EQ(tus("PATCH", at, with(chunk, {{"upload-checksum", "crc32 AAAA"}}), "x").status, 400U);
    EXPECT_EQ(tus("PATCH", at, with(chunk, {{"upload-checksum", "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="}}), "x").status,
              460U);
    EXPECT_EQ(tus("PATCH", "/v1/uploads/none", chunk, "x").status, 404U);
    EXPECT_EQ(tus("PATCH", at, with(chunk, {{"tus-resumable", "0.2.2"}}), "x").status, 412U);
    const Response untold = call("PATCH", at, chunk, "x");
    EXPECT_EQ(untold.status, 412U);
    EXPECT_EQ(header(untold, "Tus-Version"), "1.0.0");
    EXPECT_EQ(tus("POST", "/v1/uploads", {}).status, 400U);
    EXPECT_EQ(tus("POST", "/v1/uploads", {{"upload-defer-length", "1"}}).status, 400U);
    EXPECT_EQ(tus("POST", "/v1/uploads", {{"upload-length", "1001"}}).status, 413U);
    EXPECT_EQ(tus("POST", "/v1/uploads", {{"upload-length", "1"}, {"upload-metadata", "a b c"}}).status, 400U);
    EXPECT_EQ(tus("POST", "/v1/uploads", {{"upload-length", "6"}}, "0123").status, 415U);
    EXPECT_EQ(tus("GET", at, {{"x-http-method-override", "DELETE"}}).status, 400U);
    EXPECT_EQ(tus("POST", at).status, 405U);
    EXPECT_EQ(call("PUT", "/v1/uploads/d.raw", {{"content-range", "bytes 0-1/2"}}, "01").status, 400U);
    EXPECT_EQ(call("PUT", "/v1/uploads/d.raw", {{"content-encoding", "gzip"}}, "01").status, 415U);
    EXPECT_EQ(call("PUT", "/v1/uploads", {}, "01").status, 405U);
    free = 10;
    EXPECT_EQ(tus("POST", "/v1/uploads", {{"upload-length", "1"}}).status, 507U);
    EXPECT_EQ(uploads->list().size(), 1U);
    EXPECT_EQ(uploads->list().at(0).received, 0U);
    now += 1000;
    EXPECT_EQ(tus("HEAD", at).status, 410U);
}

TEST_F(UploadApiTest, options_put_and_creation_with_upload) {
    const Response told = call("OPTIONS", "/v1/uploads");
    EXPECT_EQ(told.status, 204U);
    EXPECT_EQ(header(told, "Tus-Max-Size"), "1000");
    EXPECT_THAT(header(told, "Tus-Extension"), HasSubstr("creation-with-upload"));
    const Response put = call("PUT", "/v1/uploads/../a/d.raw", {}, "0123");
    EXPECT_EQ(put.status, 201U) << put.body;
    EXPECT_THAT(put.body, testing::AllOf(HasSubstr("\"complete\":true"), HasSubstr("\"name\":\"d.raw\"")));
    const std::string id = header(put, "Location").substr(std::string("/v1/uploads/").size());
    EXPECT_EQ(call("PUT", "/v1/uploads/" + id, {}, "0123").status, 409U);
    const Response begun = tus("POST", "/v1/uploads",
                               {{"upload-length", "6"}, {"content-type", "application/offset+octet-stream"}}, "012");
    EXPECT_EQ(begun.status, 201U) << begun.body;
    EXPECT_EQ(header(begun, "Upload-Offset"), "3");
    EXPECT_EQ(tus("POST", "/v1/uploads", {{"upload-length", "0"}}).status, 201U);
    EXPECT_FALSE(server::api::Api::streams("GET", "/v1/uploads/x"));
    EXPECT_FALSE(server::api::Api::streams("PUT", "/v1/uploadsx"));
    EXPECT_TRUE(server::api::Api::streams("PUT", "/v1/uploads/x?y"));
}

}  // namespace
