// SPDX-License-Identifier: Apache-2.0
#include "server/http/connections.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace server::http {
namespace {

using boost::asio::ip::make_address;

class ConnectionsTest : public testing::Test {
protected:
    std::shared_ptr<Connections::Place> admit(const std::string& name, const std::string& address = "192.0.2.1") {
        return all.admit(make_address(address), [this, name] { closed.push_back(name); });
    }
    std::vector<std::string> closed;
    Connections all{{4, 2, {make_address("127.0.0.1"), make_address("2001:db8::1")}}};
};

TEST_F(ConnectionsTest, the_one_that_rests_longest_is_closed_for_a_new_one) {
    const auto a = admit("a", "127.0.0.1"), b = admit("b", "127.0.0.1"), c = admit("c", "127.0.0.1"),
               d = admit("d", "127.0.0.1");
    EXPECT_TRUE(a->work());
    EXPECT_TRUE(a->rest());  // rests since now: b is older
    EXPECT_TRUE(c->work());
    const auto e = admit("e", "127.0.0.1");
    EXPECT_TRUE(e);
    EXPECT_EQ(closed, std::vector<std::string>{"b"});
    EXPECT_FALSE(b->work());  // its request came too late
    EXPECT_FALSE(b->rest());
    const auto f = admit("f", "127.0.0.1");
    EXPECT_EQ(closed, (std::vector<std::string>{"b", "d"}));
}

TEST_F(ConnectionsTest, who_works_is_not_closed_for_anybody) {
    std::vector<std::shared_ptr<Connections::Place>> places;
    for (const char* name : {"a", "b", "c", "d"}) {
        places.push_back(admit(name, "127.0.0.1"));
        EXPECT_TRUE(places.back()->work());
    }
    EXPECT_FALSE(admit("e", "127.0.0.1"));
    EXPECT_FALSE(all.close_idlest());
    EXPECT_EQ(all.working(), 4);
    places.pop_back();
    EXPECT_TRUE(admit("f", "127.0.0.1"));
    EXPECT_TRUE(closed.empty());
}

TEST_F(ConnectionsTest, an_address_has_its_share_and_makes_room_of_its_own) {
    const auto other = admit("other", "192.0.2.9"), a = admit("a"), b = admit("b");
    const auto c = admit("c");
    EXPECT_TRUE(c);
    EXPECT_EQ(closed, std::vector<std::string>{"a"});  // not the other's, which rests longer
    EXPECT_TRUE(b->work());
    EXPECT_TRUE(c->work());
    EXPECT_FALSE(admit("d"));
    EXPECT_TRUE(admit("e", "192.0.2.10"));
}

TEST_F(ConnectionsTest, a_client_of_ipv6_is_its_network_and_a_mapped_address_is_ipv4) {
    EXPECT_EQ(client_of(make_address("2001:db8:1:2:3:4:5:6")), client_of(make_address("2001:db8:1:2::9")));
    EXPECT_NE(client_of(make_address("2001:db8:1:2::9")), client_of(make_address("2001:db8:1:3::9")));
    EXPECT_EQ(client_of(make_address("::ffff:192.0.2.1")), client_of(make_address("192.0.2.1")));
}

TEST_F(ConnectionsTest, a_stop_closes_who_rests_and_tells_when_the_last_has_gone) {
    auto a = admit("a", "192.0.2.1"), b = admit("b", "192.0.2.2");
    EXPECT_TRUE(a->work());
    int told = 0;
    all.stop([&] { ++told; });
    EXPECT_EQ(closed, std::vector<std::string>{"b"});
    EXPECT_TRUE(all.stopping());
    EXPECT_FALSE(admit("c", "192.0.2.3"));
    b.reset();
    EXPECT_EQ(told, 0);
    EXPECT_FALSE(a->rest());
    a.reset();
    EXPECT_EQ(told, 1);
    all.stop([&] { ++told; });
    EXPECT_EQ(told, 2);  // there was none
}

TEST_F(ConnectionsTest, many_threads_come_work_and_go) {
    Connections many({8, 8, {}});
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 500; ++i) {
                const auto place = many.admit(make_address("192.0.2." + std::to_string(t)), [] {});
                if (place && place->work()) place->rest();
                if (i % 7 == 0) many.close_idlest();
            }
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(many.working(), 0);
    bool none = false;
    many.stop([&] { none = true; });
    EXPECT_TRUE(none);
}

}  // namespace
}  // namespace server::http
