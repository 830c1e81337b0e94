// SPDX-License-Identifier: Apache-2.0
#include "builders/network/fetch.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "builders/job/errors.hpp"
#include "builders/network/fetch_answer.hpp"
#include "builders/network/partial_file.hpp"
#include "builders/network/redirects.hpp"
#include "formats/stream/digest.hpp"
#include "tests/builders/network/echo_server.hpp"

namespace {

namespace fs = std::filesystem;
using namespace builders::network;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

template <class Error, class Function>
std::string told(const Function& function) {
    try {
        function();
    } catch (const Error& error) {
        return error.what();
    } catch (const std::exception& error) {
        ADD_FAILURE() << "another error: " << error.what();
        return error.what();
    }
    ADD_FAILURE() << "no error";
    return {};
}

TEST(FetchAddress, is_shown_without_what_is_secret) {
    const auto shown = [](const char* url) { return printable(*target_of(url)); };
    EXPECT_EQ(shown("HTTPS://Example.ORG/a/b.qcow2?X-Signature=secret#part"), "https://example.org/a/b.qcow2?…");
    EXPECT_EQ(shown("http://example.org:8080"), "http://example.org:8080/");
    EXPECT_EQ(shown("http://[::1]:80/x:80/y"), "http://[::1]/x:80/y");
    EXPECT_EQ(to_url(*target_of("http://e/a?b=c#d")), "http://e:80/a?b=c");
    for (const char* url : {"ftp://e/x", "file:///etc/passwd", "//e/x", "http://", "http://e:0/", "http://e:99999/",
                            "http://a b/", "http://e/\n", "http://user:pw@e/", "http://[fe80::1%25eth0]/"})
        EXPECT_FALSE(target_of(url)) << url;
    const std::string refused = told<FetchRefused>([] { Getter("https://me:secret@example.org/x", {}); });
    EXPECT_THAT(refused, AllOf(HasSubstr("credentials"), Not(HasSubstr("secret"))));
    EXPECT_THAT(told<FetchRefused>([] { Getter("gopher://example.org/x?key=secret", {}); }),
                AllOf(HasSubstr("gopher://example.org/x"), Not(HasSubstr("secret"))));
}

TEST(FetchAddress, of_a_redirect_is_seen_from_where_it_was_said) {
    const std::string base = "https://example.org:443/a/b?c";
    EXPECT_EQ(resolve_reference(base, "d"), "https://example.org:443/a/d");
    EXPECT_EQ(resolve_reference(base, "/d?e"), "https://example.org:443/d?e");
    EXPECT_EQ(target_of(resolve_reference(base, "//other.example/d"))->host, "other.example");
    EXPECT_EQ(resolve_reference(base, "http://10.0.0.1/"), "http://10.0.0.1/");
    for (const char* scheme :
         {"file:///etc/passwd", "ftp://e/", "javascript:alert(1)", "gopher://e/", "dict://e:11211/"})
        EXPECT_FALSE(target_of(resolve_reference(base, scheme))) << scheme;
}

TEST(FetchName, is_never_a_path) {
    EXPECT_EQ(file_name_of("/images/debian-12.qcow2?token=1"), "debian-12.qcow2");
    EXPECT_EQ(file_name_of("/a/..%2f..%2fetc%2fpasswd"), "passwd");
    EXPECT_EQ(file_name_of("/a/%2e%2e"), "download");
    EXPECT_EQ(file_name_of("/a/.bashrc"), "bashrc");
    EXPECT_EQ(file_name_of("/"), "download");
    EXPECT_EQ(file_name_of(""), "download");
    EXPECT_EQ(file_name_of("/a/b%00c%0a d$(x).raw"), "b_c__d__x_.raw");
    EXPECT_EQ(file_name_of("/a/x%5c..%5cy.vhd"), "y.vhd");
    EXPECT_EQ(file_name_of("/" + std::string(5000, 'a') + ".xva.xz").size(), 200U);
    EXPECT_TRUE(file_name_of("/" + std::string(5000, 'a') + ".xva.xz").ends_with("a.xva.xz"));
}

TEST(FetchAnswer, knows_ranges) {
    const auto range = parse_content_range("bytes 5-9/10");
    ASSERT_TRUE(range);
    EXPECT_EQ(range->first, 5U);
    EXPECT_EQ(range->last, 9U);
    EXPECT_EQ(range->total, 10U);
    EXPECT_FALSE(parse_content_range("Bytes 0-0/*")->total);
    for (const char* text : {"", "bytes", "bytes */10", "bytes 9-5/10", "bytes 5-10/10", "bytes -5-9/10", "5-9/10",
                             "bytes 5-9", "bytes 5-9/x", "bytes 5/9-10", "bytes 0-9223372036854775808/*"})
        EXPECT_FALSE(parse_content_range(text)) << text;
    EXPECT_EQ(parse_size("9223372036854775807"), (std::uint64_t{1} << 63) - 1);
    for (const char* text : {"", "-1", "+1", "1 ", "0x10", "1e3", "9223372036854775808", "99999999999999999999999"})
        EXPECT_FALSE(parse_size(text)) << text;
}

Head answer(int status, std::vector<std::pair<std::string, std::string>> headers) {
    Head head;
    head.status = status;
    head.headers = std::move(headers);
    return head;
}

TEST(FetchAnswer, is_taken_only_when_it_says_where_it_ends) {
    const Origin from = *target_of("http://e/disk.raw"), packed = *target_of("http://e/disk.raw.gz");
    EXPECT_EQ(read_answer(answer(200, {{"content-length", "7"}}), from, {}, false).total, 7U);
    EXPECT_FALSE(read_answer(answer(200, {{"transfer-encoding", "chunked"}}), from, {}, false).total);
    EXPECT_FALSE(read_answer(answer(200, {}), from, {}, true).total);
    EXPECT_THAT(told<FetchRefused>([&] { read_answer(answer(200, {}), from, {}, false); }),
                HasSubstr("where the file ends"));
    EXPECT_THAT(told<FetchRefused>([&] {
                    read_answer(answer(200, {{"content-length", "7"}, {"content-length", "8"}}), from, {}, false);
                }),
                HasSubstr("8 and 7"));
    told<FetchRefused>([&] { read_answer(answer(200, {{"content-length", "-7"}}), from, {}, false); });
    const Head gzip = answer(200, {{"content-length", "7"}, {"content-encoding", "gzip"}});
    EXPECT_THAT(told<FetchRefused>([&] { read_answer(gzip, from, {}, false); }), HasSubstr("Content-Encoding gzip"));
    EXPECT_EQ(read_answer(gzip, packed, {}, false).total, 7U);
}

TEST(FetchAnswer, with_a_part_is_the_part_that_was_asked_for) {
    const Origin from = *target_of("http://e/disk.raw");
    const auto part = [&](const char* range, const char* length, std::optional<std::uint64_t> asked) {
        return read_answer(answer(206, {{"content-range", range}, {"content-length", length}}), from, asked, false);
    };
    EXPECT_EQ(part("bytes 5-9/10", "5", 5).offset, 5U);
    told<FetchFailed>([&] { part("bytes 5-9/10", "5", {}); });
    told<FetchFailed>([&] { part("bytes 4-9/10", "6", 5); });
    told<FetchFailed>([&] { part("multipart", "6", 5); });
    told<FetchRefused>([&] { part("bytes 5-9/10", "6", 5); });
    for (const int status : {500, 503, 429})
        told<FetchBroken>([&] { read_answer(answer(status, {}), from, {}, false); });
    for (const int status : {204, 304, 400, 401, 403, 404, 410, 416})
        EXPECT_THAT(told<FetchFailed>([&] { read_answer(answer(status, {}), from, {}, false); }),
                    HasSubstr("answered " + std::to_string(status)));
}

TEST(FetchAnswer, is_gone_on_with_only_under_a_strong_validator) {
    const Origin from = *target_of("http://e/disk.raw");
    const std::string then = "Sat, 21 Nov 2026 06:00:00 GMT", later = "Sat, 21 Nov 2026 06:01:00 GMT";
    const auto validator = [&](std::vector<std::pair<std::string, std::string>> headers) {
        headers.emplace_back("content-length", "7");
        return read_answer(answer(200, std::move(headers)), from, {}, false).validator;
    };
    EXPECT_EQ(validator({{"etag", "\"a\""}}), "\"a\"");
    EXPECT_EQ(validator({{"etag", "W/\"a\""}}), "");
    EXPECT_EQ(validator({{"etag", "\"" + std::string(600, 'a') + "\""}}), "");
    EXPECT_EQ(validator({{"last-modified", then}, {"date", later}}), then);
    EXPECT_EQ(validator({{"last-modified", then}, {"date", then}}), "");
    EXPECT_EQ(validator({{"last-modified", then}}), "");
    EXPECT_EQ(validator({{"last-modified", "yesterday"}, {"date", later}}), "");
}

TEST(Proxies, are_left_out_where_the_user_says_so) {
    const Proxies proxies{"http://p:3128", "http://q:3128", "localhost, .inner.example,10.0.0.5:8080"};
    const auto towards = [&](const char* url) { return proxies.towards(*target_of(url)); };
    EXPECT_EQ(towards("http://example.org/"), "http://p:3128");
    EXPECT_EQ(towards("https://example.org/"), "http://q:3128");
    EXPECT_EQ(towards("https://a.inner.example/"), "");
    EXPECT_EQ(towards("https://notinner.example/"), "http://q:3128");
    EXPECT_EQ(towards("http://localhost:1/"), "");
    EXPECT_EQ(towards("http://10.0.0.5:8080/"), "");
    EXPECT_EQ(towards("http://10.0.0.5/"), "http://p:3128");
    EXPECT_EQ((Proxies{"http://p:1", "", "*"}).towards(*target_of("http://example.org/")), "");
}

class FetchTest : public testing::Test {
protected:
    FetchTest() { fs::create_directories(folder); }
    ~FetchTest() override { fs::remove_all(folder); }
    FetchRequest request(const std::string& url) const {
        FetchRequest request;
        request.url = url;
        request.file = folder / "file";
        request.pause = std::chrono::milliseconds(10);
        request.trusted_address = true;
        return request;
    }
    std::vector<std::string> left() const {
        std::vector<std::string> names;
        for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
        return names;
    }
    fs::path folder = fs::path(testing::TempDir()) / ("fetch." + std::to_string(::getpid()));
};

TEST_F(FetchTest, an_inner_address_is_for_whoever_sits_here_or_is_allowed) {
    const support::EchoServer server;
    FetchRequest asked = request(server.url() + "/a%20b.raw");
    const Fetched fetched = fetch(asked, {});
    EXPECT_EQ(fetched.size, fs::file_size(asked.file));
    EXPECT_EQ(fetched.file_name, "a_b.raw");
    EXPECT_EQ(fetched.sha256, formats::digest_hex(formats::DigestKind::sha256, "GET /a%20b.raw HTTP/1.1"));
    EXPECT_THAT(left(), testing::ElementsAre("file"));
    fs::remove(asked.file);

    asked.trusted_address = false;
    EXPECT_THAT(told<FetchRefused>([&] { fetch(asked, {}); }),
                HasSubstr("has the address 127.0.0.1, which is not a public one"));
    EXPECT_THAT(left(), testing::IsEmpty());
    asked.allowed_hosts = {"127.0.0.1"};
    EXPECT_EQ(fetch(asked, {}).size, fetched.size);
}

TEST_F(FetchTest, a_proxy_is_not_asked_for_inner_addresses_however_they_are_spelled) {
    for (const char* host : {"127.0.0.1", "2130706433", "0177.0.0.1", "0x7f000001", "127.1", "[::1]",
                             "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "169.254.169.254"}) {
        FetchRequest asked = request(std::string("http://") + host + "/x");
        asked.trusted_address = false;
        asked.proxies.http = "http://127.0.0.1:9";
        EXPECT_THAT(told<FetchRefused>([&] { fetch(asked, {}); }), HasSubstr("not a public one")) << host;
    }
}

TEST_F(FetchTest, the_environments_no_proxy_opens_no_way_around_the_judgement) {
    const support::EchoServer server;
    ::setenv("no_proxy", "127.0.0.1", 1);
    const Upstream upstream({}, "http://127.0.0.1:9", "");
    std::string reached;
    const Receiver receiver{[](const Head&) {}, [&](std::span<const std::byte>) { return reached = "reached", true; }};
    told<TransferFailed>([&] { upstream.fetch({"GET", *target_of(server.url() + "/x"), {}}, false, receiver, {}); });
    ::unsetenv("no_proxy");
    EXPECT_EQ(reached, "");
}

TEST_F(FetchTest, what_is_too_large_or_another_file_leaves_nothing) {
    const support::EchoServer server;
    FetchRequest asked = request(server.url() + "/x");
    asked.max_bytes = 5;
    EXPECT_THAT(told<FetchRefused>([&] { fetch(asked, {}); }), HasSubstr("it has 15 bytes, and 5 are the most"));
    EXPECT_THAT(left(), testing::IsEmpty());
    asked.max_bytes = 15;
    asked.sha256 = std::string(64, 'A');
    EXPECT_THAT(told<FetchRefused>([&] { fetch(asked, {}); }),
                AllOf(HasSubstr(std::string(64, 'a')),
                      HasSubstr(formats::digest_hex(formats::DigestKind::sha256, "GET /x HTTP/1.1"))));
    EXPECT_THAT(left(), testing::IsEmpty());
    asked.sha256 = "abc";
    EXPECT_THAT(told<FetchRefused>([&] { fetch(asked, {}); }), HasSubstr("64 hex digits"));
}

// Connections are made, and nobody ever answers.
class SilentServer {
public:
    SilentServer() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        EXPECT_EQ(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size), 0);
        EXPECT_EQ(::listen(listener_, 64), 0);
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
        url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/x";
    }
    ~SilentServer() { ::close(listener_); }
    const std::string& url() const { return url_; }

private:
    int listener_;
    std::string url_;
};

TEST_F(FetchTest, patience_has_an_end) {
    const SilentServer server;
    FetchRequest asked = request(server.url());
    asked.stall = std::chrono::seconds(1);
    asked.tries = 1;
    EXPECT_THAT(told<FetchFailed>([&] { fetch(asked, {}); }), HasSubstr("tried 1 times, 0 bytes are here"));
    asked.stall = std::chrono::seconds(60);
    asked.time = std::chrono::seconds(1);
    EXPECT_THAT(told<FetchFailed>([&] { fetch(asked, {}); }), HasSubstr("not here after 1 s, only 0 bytes"));
    asked.time = std::chrono::seconds(60);
    std::stop_source stop;
    std::thread stopper([&] { stop.request_stop(); });
    told<builders::Cancelled>([&] { fetch(asked, stop.get_token()); });
    stopper.join();
    EXPECT_THAT(left(), testing::IsEmpty());
}

std::string text_of(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::span<const std::byte> bytes(const std::string& text) {
    return std::as_bytes(std::span(text));
}

TEST_F(FetchTest, a_part_is_gone_on_with_only_when_it_is_of_the_same_address) {
    const std::string url = "https://e/x?secret";
    {
        PartialFile file(folder / "file", url);
        file.begin("\"a\"", 6);
        file.append(bytes("abc"));
        EXPECT_THAT(told<FetchFailed>([&] { PartialFile(folder / "file", url); }), HasSubstr("another process"));
    }
    EXPECT_THAT(text_of(folder / "file.from"), AllOf(HasSubstr("\"a\"\n6\n"), Not(HasSubstr("secret"))));
    {
        PartialFile file(folder / "file", url);
        EXPECT_EQ(file.size(), 3U);
        EXPECT_EQ(file.validator(), "\"a\"");
        EXPECT_EQ(file.total(), 6U);
        file.append(bytes("def"));
        EXPECT_EQ(file.finish(), formats::digest_hex(formats::DigestKind::sha256, "abcdef"));
    }
    EXPECT_THAT(left(), testing::ElementsAre("file"));
    EXPECT_EQ(PartialFile(folder / "file", url).size(), 0U) << "nothing says what the file is";
    {
        PartialFile file(folder / "file", url);
        file.begin("\"a\"", 6);
        file.append(bytes("abc"));
    }
    EXPECT_EQ(PartialFile(folder / "file", url + "y").size(), 0U);
    EXPECT_THAT(left(), testing::IsEmpty());
    fs::create_symlink("/etc/passwd", folder / "file");
    EXPECT_THROW(PartialFile(folder / "file", url), std::system_error);
}

}  // namespace
