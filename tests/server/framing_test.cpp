// SPDX-License-Identifier: Apache-2.0
#include "server/http/framing.hpp"

#include <gtest/gtest.h>

#include <tuple>
#include <vector>

namespace server::http {
namespace {

using State = HeadCheck::State;

State all_at_once(const std::string& head) {
    return HeadCheck().look(head);
}

State byte_by_byte(const std::string& head) {
    HeadCheck check;
    State state = State::more;
    for (std::size_t i = 1; i <= head.size() && state == State::more; ++i) state = check.look(head.substr(0, i));
    return state;
}

TEST(HeadCheck, a_head_is_whole_at_its_empty_line_and_looks_no_further) {
    for (const std::string head :
         {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nA:\r\nB: c d\te\r\n\r\n",
          "GET / HTTP/1.1\r\nA: \xc3\xa4\r\n\r\n\n\0"}) {
        EXPECT_EQ(all_at_once(head), State::whole) << head;
        EXPECT_EQ(byte_by_byte(head), State::whole) << head;
    }
    EXPECT_EQ(all_at_once("GET / HTTP/1.1\r\nHost: x\r\n\r"), State::more);
    EXPECT_EQ(all_at_once(""), State::more);
}

TEST(HeadCheck, what_two_readers_may_read_differently_is_refused) {
    for (const std::string& head : {
             std::string("GET / HTTP/1.1\nHost: x\n\n"),                                 // bare line feeds
             std::string("GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n"),                     // one of them
             std::string("GET / HTTP/1.1\r\nA: b\rTransfer-Encoding: chunked\r\n\r\n"),  // a bare carriage return
             std::string("GET / HTTP/1.1\r\nA: b\r\r\n\r\n"),                            // two of them
             std::string("GET / HTTP/1.1\r\n A: b\r\n\r\n"),                             // white space at the start
             std::string("GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n"),                        // obs-fold
             std::string("GET / HTTP/1.1\r\nA: b\r\n\tc\r\n\r\n"),                       // and with a tab
             std::string("GET / HTTP/1.1\r\nA : b\r\n\r\n"),                             // before the colon
             std::string("GET / HTTP/1.1\r\nA\t: b\r\n\r\n"),                            //
             std::string("GET / HTTP/1.1\r\nA b: c\r\n\r\n"),                            // in the name
             std::string("GET / HTTP/1.1\r\n: b\r\n\r\n"),                               // no name
             std::string("GET / HTTP/1.1\r\nAb\r\n\r\n"),                                // no colon
             std::string("GET / HTTP/1.1\r\nA: b\0c\r\n\r\n", 26),                       // NUL
             std::string("GET / HTTP/1.1\r\nA: b\x0b\r\n\r\n"),                          // vertical tab
             std::string("GET /\x7f HTTP/1.1\r\n\r\n"),                                  //
         }) {
        HeadCheck check;
        EXPECT_EQ(check.look(head), State::wrong) << head;
        EXPECT_FALSE(check.wrong().empty());
        EXPECT_EQ(byte_by_byte(head), State::wrong) << head;
    }
}

TEST(Framing, a_length_that_two_readers_may_read_differently_is_refused) {
    using Fields = std::vector<std::pair<std::string, std::string>>;
    const auto judged = [](const Fields& fields, unsigned version) {
        boost::beast::http::fields given;
        for (const auto& [name, value] : fields) given.insert(name, value);
        return framing_error(given, version);
    };
    for (const Fields& fields : std::vector<Fields>{{},
                                                    {{"Host", "x"}},
                                                    {{"Content-Length", "0"}},
                                                    {{"content-length", "123456789012345678"}},
                                                    {{"Transfer-Encoding", "chunked"}},
                                                    {{"transfer-encoding", "CHUNKED"}}})
        EXPECT_EQ(judged(fields, 11), "");
    for (const Fields& fields :
         std::vector<Fields>{{{"Transfer-Encoding", "xchunked"}},
                             {{"Transfer-Encoding", "chunked, identity"}},
                             {{"Transfer-Encoding", "identity"}},
                             {{"Transfer-Encoding", "gzip, chunked"}},
                             {{"Transfer-Encoding", "chunked;q=1"}},
                             {{"Transfer-Encoding", "chunked,"}},
                             {{"Transfer-Encoding", ""}},
                             {{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}},
                             {{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "x"}},
                             {{"Transfer-Encoding", "chunked"}, {"Content-Length", "5"}},
                             {{"Content-Length", "5"}, {"Content-Length", "5"}},
                             {{"Content-Length", "5"}, {"content-length", "6"}},
                             {{"Content-Length", "5, 5"}},
                             {{"Content-Length", "+5"}},
                             {{"Content-Length", "-5"}},
                             {{"Content-Length", "0x5"}},
                             {{"Content-Length", ""}},
                             {{"Content-Length", "1234567890123456789"}},
                             {{"Host", "a"}, {"Host", "a"}}})
        EXPECT_NE(judged(fields, 11), "") << fields.front().first << ": " << fields.front().second;
    EXPECT_NE(judged({{"Transfer-Encoding", "chunked"}}, 10), "");
}

}  // namespace
}  // namespace server::http
