// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <mutex>
#include <thread>

#include "builders/packages/apt_sources.hpp"
#include "builders/sandbox/mirror_proxy.hpp"
#include "builders/sandbox/way_out.hpp"
#include "tests/builders/network/echo_server.hpp"

namespace {

namespace fs = std::filesystem;
using namespace builders::network;
using support::EchoServer;
using testing::HasSubstr;
using testing::StartsWith;

bool public_address(const char* text) {
    sockaddr_storage storage{};
    auto& in4 = reinterpret_cast<sockaddr_in&>(storage);
    auto& in6 = reinterpret_cast<sockaddr_in6&>(storage);
    if (::inet_pton(AF_INET, text, &in4.sin_addr) == 1)
        storage.ss_family = AF_INET;
    else if (::inet_pton(AF_INET6, text, &in6.sin6_addr) == 1)
        storage.ss_family = AF_INET6;
    else
        ADD_FAILURE() << text;
    return is_public(reinterpret_cast<const sockaddr&>(storage));
}

TEST(AddressPolicy, knows_what_is_not_the_internet) {
    for (const char* text : {"127.0.0.1",
                             "127.255.255.254",
                             "0.0.0.0",
                             "10.1.2.3",
                             "172.16.0.1",
                             "172.31.255.255",
                             "192.168.1.1",
                             "169.254.169.254",
                             "100.64.0.1",
                             "224.0.0.1",
                             "255.255.255.255",
                             "198.18.0.1",
                             "::",
                             "::1",
                             "fe80::1",
                             "fc00::1",
                             "fd12::1",
                             "ff02::1",
                             "::ffff:127.0.0.1",
                             "::ffff:10.0.0.1",
                             "64:ff9b::7f00:1",
                             "2002:7f00:1::",
                             "2001:db8::1",
                             "2001::1"})
        EXPECT_FALSE(public_address(text)) << text;
    for (const char* text :
         {"1.1.1.1", "151.101.2.132", "172.32.0.1", "172.15.0.1", "192.167.1.1", "100.128.0.1", "2a04:4e42::644",
          "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::"})
        EXPECT_TRUE(public_address(text)) << text;
}

std::string request(const std::string& line, const std::string& headers = "") {
    return line + "\r\nHost: whatever\r\n" + headers + "\r\n";
}

TEST(ProxyRequest, is_read_with_its_conditions_only) {
    std::string wrong;
    const auto read = parse_proxy_request(
        request("GET http://Mirror.Example.org/debian/dists/x?y HTTP/1.1", "Range: bytes=5-\r\nCookie: secret\r\n"),
        wrong);
    ASSERT_TRUE(read) << wrong;
    EXPECT_EQ(read->url(), "http://mirror.example.org:80/debian/dists/x?y");
    ASSERT_EQ(read->headers.size(), 1U);
    EXPECT_EQ(read->headers[0], (std::pair<std::string, std::string>("range", "bytes=5-")));
    EXPECT_TRUE(read->keep_alive);
}

TEST(ProxyRequest, is_refused_when_it_is_anything_else) {
    for (const std::string& head :
         {std::string("\r\n"), std::string("GET\r\n\r\n"), request("GET /debian HTTP/1.1"),
          request("POST http://m/ HTTP/1.1"), request("GET ftp://m/ HTTP/1.1"),
          request("GET http://user:pw@m/ HTTP/1.1"), request("GET http://m:0/ HTTP/1.1"),
          request("GET http://m:99999/ HTTP/1.1"), request("GET http:///x HTTP/1.1"),
          request("GET http://m/a b HTTP/1.1"), request("GET http://m/ HTTP/2"), request("CONNECT m HTTP/1.1"),
          request("CONNECT m:x HTTP/1.1"), request("GET http://m/ HTTP/1.1", "Transfer-Encoding: chunked\r\n"),
          request("GET http://m/ HTTP/1.1", "Content-Length: 4\r\n"), request("GET http://m/ HTTP/1.1", " folded\r\n"),
          request("GET http://[::1/ HTTP/1.1"), request("GET http://m\x01/ HTTP/1.1")}) {
        std::string wrong;
        EXPECT_FALSE(parse_proxy_request(head, wrong)) << head;
        EXPECT_NE(wrong, "") << head;
    }
}

TEST(ProxyRequest, is_covered_by_the_whole_path_of_a_repository_and_never_climbs) {
    const std::vector<Origin> allowed{*origin_of("http://m.example/debian", false),
                                      *origin_of("https://s.example/x/", true)};
    const auto covered = [&](const std::string& line) {
        std::string wrong;
        const auto read = parse_proxy_request(request(line), wrong);
        return read && covering(*read, allowed) != nullptr;
    };
    for (const char* line :
         {"GET http://m.example/debian/dists/a HTTP/1.1", "HEAD http://M.EXAMPLE:80/debian/ HTTP/1.1",
          "GET http://m.example/debian//pool/a..b HTTP/1.1", "CONNECT s.example:443 HTTP/1.1"})
        EXPECT_TRUE(covered(line)) << line;
    for (const char* line :
         {"GET http://m.example/ HTTP/1.1", "GET http://m.example/debian2/ HTTP/1.1",
          "GET http://m.example:8080/debian/ HTTP/1.1", "GET http://m.example/debian/../secret HTTP/1.1",
          "GET http://m.example/debian/%2e%2E/secret HTTP/1.1", "GET http://m.example/debian/..%2fsecret HTTP/1.1",
          "GET http://m.example/debian/.. HTTP/1.1", "GET http://other.example/debian/ HTTP/1.1",
          "GET https://m.example/debian/ HTTP/1.1", "CONNECT m.example:80 HTTP/1.1", "CONNECT m.example:443 HTTP/1.1",
          "CONNECT s.example:22 HTTP/1.1"})
        EXPECT_FALSE(covered(line)) << line;
}

TEST(Repositories, are_found_in_apt_lines) {
    const auto found = builders::packages::repositories_of(
        {"deb [signed-by=/k.gpg] http://m.example/debian bookworm main", "deb http://s.example/x y z"}, true);
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].url, "http://m.example/debian");
    EXPECT_TRUE(found[1].trusted);
    EXPECT_FALSE(origin_of("file:///srv/mirror", true));
    EXPECT_FALSE(origin_of("http://user:pw@m/", true));
}

class MirrorProxyTest : public testing::Test {
protected:
    // What a client that sends `text` and reads to the end sees.
    std::string ask(const MirrorProxy& proxy, const std::string& text) {
        const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        proxy.socket().string().copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
        EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::send(fd, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
        ::shutdown(fd, SHUT_WR);
        std::string answer;
        std::array<char, 4096> buffer;
        for (ssize_t got = 0; (got = ::recv(fd, buffer.data(), buffer.size(), 0)) > 0;)
            answer.append(buffer.data(), static_cast<std::size_t>(got));
        ::close(fd);
        return answer;
    }
    MirrorProxy proxy_for(const Upstream& upstream, bool trusted) {
        return {fs::path(testing::TempDir()) / ("mirror." + std::to_string(::getpid())),
                {*origin_of(server.url() + "/debian", trusted)},
                upstream,
                [this](std::string_view line) {
                    const std::lock_guard lock(mutex);
                    log.append(line).append("\n");
                }};
    }
    std::string get(const std::string& path) const {
        return "GET " + server.url() + path + " HTTP/1.1\r\nHost: x\r\n\r\n";
    }

    EchoServer server;
    std::mutex mutex;
    std::string log;
};

TEST_F(MirrorProxyTest, passes_on_what_is_allowed_one_after_another_on_one_connection) {
    const Upstream upstream({}, "", "");
    const MirrorProxy proxy = proxy_for(upstream, true);
    const std::string answer = ask(proxy, get("/debian/a") + get("/debian/b"));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(answer, HasSubstr("GET /debian/a HTTP/1.1"));
    EXPECT_THAT(answer, HasSubstr("GET /debian/b HTTP/1.1"));
    EXPECT_THAT(answer, HasSubstr("etag: \"e\""));
    EXPECT_THAT(answer, Not(HasSubstr("inner")));
}

TEST_F(MirrorProxyTest, refuses_everything_else_and_says_so_in_the_log) {
    const Upstream upstream({}, "", "");
    const MirrorProxy proxy = proxy_for(upstream, true);
    EXPECT_THAT(ask(proxy, get("/secret")), StartsWith("HTTP/1.1 403"));
    EXPECT_THAT(ask(proxy, "CONNECT 127.0.0.1:22 HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 403"));
    EXPECT_THAT(ask(proxy, "GET http://169.254.169.254/latest HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 403"));
    EXPECT_THAT(ask(proxy, "nonsense\r\n\r\n"), StartsWith("HTTP/1.1 400"));
    EXPECT_THAT(ask(proxy, std::string(70000, 'a')), StartsWith("HTTP/1.1 431"));
    EXPECT_EQ(ask(proxy, ""), "");
    EXPECT_THAT(log, HasSubstr("refused GET http://169.254.169.254:80/latest"));
}

TEST_F(MirrorProxyTest, a_recipes_repository_with_an_inner_address_is_refused_unless_the_operator_allows_it) {
    {
        const Upstream upstream({}, "", "");
        const MirrorProxy proxy = proxy_for(upstream, false);
        const std::string answer = ask(proxy, get("/debian/a"));
        EXPECT_THAT(answer, StartsWith("HTTP/1.1 502"));
        EXPECT_THAT(answer, HasSubstr("has the address 127.0.0.1, which is not a public one"));
    }
    const Upstream upstream(AddressPolicy({"127.0.0.1"}), "", "");
    const MirrorProxy proxy = proxy_for(upstream, false);
    EXPECT_THAT(ask(proxy, get("/debian/a")), StartsWith("HTTP/1.1 200"));
}

TEST_F(MirrorProxyTest, ends_with_open_connections) {
    const Upstream upstream({}, "", "");
    int fd = -1;
    {
        const MirrorProxy proxy = proxy_for(upstream, true);
        fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        proxy.socket().string().copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
        ASSERT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        ask(proxy, "");
    }
    char byte = 0;
    EXPECT_LE(::recv(fd, &byte, 1, 0), 0);
    ::close(fd);
}

}  // namespace
