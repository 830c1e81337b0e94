// SPDX-License-Identifier: Apache-2.0
#include "server/http/connections.hpp"

#include <algorithm>

namespace server::http {

namespace ip = boost::asio::ip;
using Place = Connections::Place;

std::string client_of(const ip::address& address) {
    if (address.is_v4()) return address.to_string();
    const ip::address_v6 v6 = address.to_v6();
    if (v6.is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, v6).to_string();
    ip::address_v6::bytes_type bytes = v6.to_bytes();
    std::fill(bytes.begin() + 8, bytes.end(), 0);
    return ip::address_v6(bytes).to_string() + "/64";
}

Place::Place(Connections& all, std::string address, std::function<void()> close)
    : all_(all), address_(std::move(address)), close_(std::move(close)) {}

Place::~Place() {
    std::function<void()> when_none;
    {
        const std::lock_guard lock(all_.mutex_);
        if (state_ != State::closed) all_.leave(*this);
        if (--all_.alive_ == 0 && all_.stopping_) when_none.swap(all_.when_none_);
    }
    if (when_none) when_none();
}

bool Place::rest() {
    const std::lock_guard lock(all_.mutex_);
    if (state_ == State::closed || all_.stopping_) return false;
    if (state_ == State::working) {
        state_ = State::resting;
        resting_ = all_.resting_.insert(all_.resting_.end(), this);
    }
    return true;
}

bool Place::work() {
    const std::lock_guard lock(all_.mutex_);
    if (state_ == State::closed) return false;
    if (state_ == State::resting) all_.resting_.erase(resting_);
    state_ = State::working;
    return true;
}

void Connections::leave(Place& place) {
    if (place.state_ == Place::State::resting) resting_.erase(place.resting_);
    place.state_ = Place::State::closed;
    --counted_;
    if (place.address_.empty()) return;
    const auto share = of_address_.find(place.address_);
    if (--share->second == 0) of_address_.erase(share);
}

std::function<void()> Connections::close_first(const std::string* address) {
    const auto found = std::find_if(resting_.begin(), resting_.end(),
                                    [&](const Place* place) { return !address || place->address_ == *address; });
    if (found == resting_.end()) return {};
    Place& place = **found;
    leave(place);
    return place.close_;
}

std::shared_ptr<Place> Connections::admit(const ip::address& address, std::function<void()> close) {
    const std::string client = client_of(address);
    const bool proxy = std::any_of(limits_.proxies.begin(), limits_.proxies.end(),
                                   [&](const ip::address& one) { return client_of(one) == client; });
    const std::string shared = proxy ? "" : client;
    std::function<void()> close_other;
    std::shared_ptr<Place> place;
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) return nullptr;
        const auto share = of_address_.find(shared);
        const bool share_used = !proxy && share != of_address_.end() && share->second >= limits_.per_address;
        if (share_used || counted_ >= limits_.most) {
            close_other = close_first(share_used ? &shared : nullptr);
            if (!close_other) return nullptr;
        }
        place = std::make_shared<Place>(*this, shared, std::move(close));
        place->resting_ = resting_.insert(resting_.end(), place.get());
        ++counted_;
        ++alive_;
        if (!proxy) ++of_address_[shared];
    }
    if (close_other) close_other();
    return place;
}

bool Connections::close_idlest() {
    std::function<void()> close;
    {
        const std::lock_guard lock(mutex_);
        if (alive_ > counted_) return true;
        close = close_first(nullptr);
    }
    if (close) close();
    return static_cast<bool>(close);
}

void Connections::stop(std::function<void()> when_none) {
    std::vector<std::function<void()>> closing;
    bool none = false;
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        while (!resting_.empty()) closing.push_back(close_first(nullptr));
        none = alive_ == 0;
        when_none_ = none ? nullptr : when_none;
    }
    for (const auto& close : closing) close();
    if (none && when_none) when_none();
}

bool Connections::stopping() const {
    const std::lock_guard lock(mutex_);
    return stopping_;
}

std::size_t Connections::working() const {
    const std::lock_guard lock(mutex_);
    return counted_ - resting_.size();
}

}  // namespace server::http
