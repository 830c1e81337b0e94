// SPDX-License-Identifier: Apache-2.0
#include "server/http/access_log.hpp"

#include <gtest/gtest.h>

namespace {

using server::http::AccessLine;

TEST(AccessLine, tells_what_was_sent_of_the_body) {
    AccessLine line("GET", "/a");
    line.answer(206, 100, 50);
    line.sent(100);
    line.sent(50);
    EXPECT_EQ(line.text(), "GET /a 206 50 bytes");
}

TEST(AccessLine, does_not_tell_the_secrets_of_a_query) {
    for (const auto& [target, told] :
         {std::pair{"/recipes/a/1.ks?token=abcdefgh", "/recipes/a/1.ks?token=(removed)"},
          {"/v1/builds?mirror=http%3A%2F%2Fme%3Aword%40host%2F&vcpus=2", "/v1/builds?mirror=(removed)&vcpus=2"},
          {"/v1/images/r/disk.raw?disk=2", "/v1/images/r/disk.raw?disk=2"},
          {"/a@b:c", "/a@b:c"},
          {"*", "*"},
          {"http://me:word@host/", "http://(removed)@host/"}})
        EXPECT_EQ(AccessLine("GET", target).text(),
                  "GET " + std::string(told) + " broken off by the service before it had an answer");
}

TEST(AccessLine, an_interim_answer_does_not_count) {
    AccessLine line("POST", "/a");
    line.sent(25);
    line.answer(202, 100, 7);
    line.sent(107);
    EXPECT_EQ(line.text(), "POST /a 202 7 bytes");
}

TEST(AccessLine, tells_who_broke_off_and_where) {
    AccessLine line("GET", "/a");
    EXPECT_EQ(line.text(), "GET /a broken off by the service before it had an answer");
    line.answer(200, 100, 50);
    line.sent(120);
    EXPECT_EQ(line.text(), "GET /a 200 broken off by the service after 20 of 50 bytes");
    line.ended_by("closed by the client");
    EXPECT_EQ(line.text(), "GET /a 200 closed by the client after 20 of 50 bytes");
}

TEST(AccessLine, a_header_that_did_not_get_through_is_no_answer_of_no_bytes) {
    AccessLine line("HEAD", "/a");
    line.answer(304, 100, 0);
    line.sent(99);
    EXPECT_EQ(line.text(), "HEAD /a 304 broken off by the service after 0 of 0 bytes");
    line.sent(1);
    EXPECT_EQ(line.text(), "HEAD /a 304 0 bytes");
}

TEST(AccessLine, a_stream_is_whole_when_it_is_said_to_be) {
    AccessLine line("GET", "/events");
    line.answer(200, 10, std::nullopt);
    line.sent(30);
    EXPECT_EQ(line.text(), "GET /events 200 broken off by the service after 20 bytes");
    line.complete();
    EXPECT_EQ(line.text(), "GET /events 200 20 bytes");
}

TEST(AccessLine, a_long_address_is_cut) {
    EXPECT_EQ(AccessLine("GET", std::string(5000, 'a')).text().find(' ', 4), 204U);
}

}  // namespace
