// SPDX-License-Identifier: Apache-2.0
#pragma once
// All open connections, and which of them may go when there is no room for another. A connection rests until it has
// sent a whole request, and works until that is answered; a streamed body is work from its head on. Only resting ones
// are closed for somebody else, the one that has rested longest first: of the same address when that has its share, of
// all when there are as many as may be. Knows no sockets. Thread-safe.
#include <boost/asio/ip/address.hpp>
#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace server::http {

class Connections {
public:
    struct Limits {
        std::size_t most = 4096, per_address = 256;
        std::vector<boost::asio::ip::address> proxies;  // many clients each: they have no share
    };
    explicit Connections(Limits limits) : limits_(std::move(limits)) {}

    // One connection's; given back by its destructor. Connections outlives it.
    class Place {
    public:
        Place(Connections& all, std::string address, std::function<void()> close);
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;
        ~Place();
        // Waits for a request from now on. False: the connection is to end.
        bool rest();
        // Has a request to answer. False: it was closed meanwhile, and must not be answered.
        bool work();

    private:
        friend class Connections;
        enum class State { resting, working, closed };
        Connections& all_;
        const std::string address_;  // empty: of a proxy
        const std::function<void()> close_;
        State state_ = State::resting;
        std::list<Place*>::iterator resting_;  // while it rests
    };

    // A place, made by closing another one if need be. Nothing: all that could go are at work. `close` is called at
    // most once, from any thread, and does not wait.
    std::shared_ptr<Place> admit(const boost::asio::ip::address& address, std::function<void()> close);

    // For when something else is used up, files for example. One at a time: as long as one that was closed is not gone
    // yet, no other is. False: none rests.
    bool close_idlest();

    // Resting ones are closed, the others when they have answered. `when_none` is called, once, when the last is gone;
    // what an earlier call gave is not, and an empty one is none.
    void stop(std::function<void()> when_none);
    bool stopping() const;
    std::size_t working() const;

private:
    std::function<void()> close_first(const std::string* address);  // the lock is held
    void leave(Place& place);                                       // neither counted nor closed from now on

    const Limits limits_;
    mutable std::mutex mutex_;
    std::list<Place*> resting_;  // longest first
    std::map<std::string, std::size_t> of_address_;
    std::size_t counted_ = 0, alive_ = 0;  // counted: not those that are being closed
    bool stopping_ = false;
    std::function<void()> when_none_;
};

// Who a client is: an IPv4 address, also one written as IPv6, or the 64 leading bits that one customer has.
std::string client_of(const boost::asio::ip::address& address);

}  // namespace server::http
