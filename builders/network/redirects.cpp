// SPDX-License-Identifier: Apache-2.0
#include "builders/network/redirects.hpp"

#include <netdb.h>

#include "builders/job/errors.hpp"
#include "formats/base/handle.hpp"

namespace builders::network {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;
using Addresses = formats::Handle<addrinfo, ::freeaddrinfo>;

constexpr int most_redirects = 5;

Origin parse(const std::string& url, const std::string& whence) {
    const std::size_t end = url.find_first_of("/?#", std::min(url.find("://") + 3, url.size()));
    if (url.find("://") != std::string::npos && url.substr(0, end).find('@') != std::string::npos)
        throw FetchRefused(whence + " has credentials, which would stand in process lists and logs; it is not fetched");
    const std::optional<Origin> target = target_of(url);
    if (!target) {
        std::string shown = url.substr(0, std::min(url.find_first_of("?#"), std::size_t{200}));
        for (char& c : shown)
            if (c < ' ' || c == 127) c = '?';
        throw FetchRefused(whence + " is not a plain http:// or https:// address: " + shown);
    }
    return *target;
}

// A host that is an address in any of its spellings (2130706433, 0x7f.1): a proxy would be asked for it unseen.
void judge_literal(const Origin& target, const AddressPolicy& policy) {
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(target.host.c_str(), nullptr, &hints, &found) != 0) return;
    const Addresses addresses(found);
    for (const addrinfo* one = found; one; one = one->ai_next)
        if (!policy.allows(target.host, target.port, *one->ai_addr))
            throw FetchRefused(printable(target) + ": " + target.host + " has the address " + to_string(*one->ai_addr) +
                               ", which is not a public one; the operator can allow it with --allow-host " +
                               target.host);
}

bool is_redirect(const Head& head) {
    for (const int status : {301, 302, 303, 307, 308})
        if (head.status == status) return !head.value("location").empty();
    return false;
}

}  // namespace

Getter::Getter(const std::string& url, GetRules rules) : target_(parse(url, "the address")), rules_(std::move(rules)) {}

Origin Getter::get(const Headers& headers, const Receiver& receiver, const std::stop_token& stop) {
    Origin target = target_;
    for (int redirects = 0;; ++redirects) {
        const std::string location = one(target, headers, receiver, stop);
        if (location.empty()) return target;
        const std::string from = printable(target);
        if (redirects == most_redirects)
            throw FetchRefused(printable(target_) + ": redirected more than " + std::to_string(most_redirects) +
                               " times, the last time by " + from);
        const std::string resolved = resolve_reference(to_url(target), location);
        const Origin next = parse(resolved.empty() ? location : resolved, from + ": the address it redirects to");
        if (target.scheme == "https" && next.scheme == "http" && !rules_.plain_after_https)
            throw FetchRefused(from + ": redirects from https to " + printable(next) +
                               ", where anybody on the way could change what comes; with its SHA-256 given it is "
                               "fetched");
        target = next;
    }
}

// Returns where the answer redirects to; empty when it does not.
std::string Getter::one(const Origin& target, const Headers& headers, const Receiver& receiver,
                        const std::stop_token& stop) {
    std::vector<std::string> allowed = rules_.allowed_hosts;
    // The same server, or its https.
    const bool typed = target.host == target_.host &&
                       (target.port == target_.port || (target.scheme == "https" && target.port == 443));
    if (first_ == Reached::inner && typed) allowed.push_back(target.host + ":" + std::to_string(target.port));
    const bool trusted = rules_.trusted_address && first_ == Reached::nothing_yet;
    const AddressPolicy policy(allowed);
    const std::string proxy = rules_.proxies.towards(target);
    if (!proxy.empty() && !trusted) judge_literal(target, policy);

    Limits limits;
    limits.connect = rules_.connect;
    limits.stall = rules_.stall;
    limits.http_1 = true;
    if (rules_.deadline != std::chrono::steady_clock::time_point::max()) {
        limits.whole =
            std::chrono::duration_cast<std::chrono::milliseconds>(rules_.deadline - std::chrono::steady_clock::now());
        if (limits.whole.count() <= 0) throw FetchBroken(printable(target) + ": the time is over");
    }
    std::string location;
    bool connected = false;
    Receiver mine;
    mine.connected = [&](const Connection& connection) {
        connected = true;
        if (first_ == Reached::nothing_yet) first_ = connection.is_public ? Reached::outer : Reached::inner;
    };
    mine.head = [&](const Head& head) {
        if (is_redirect(head)) {
            location = head.value("location");
            return;
        }
        answered_ = true;
        receiver.head(head);
    };
    mine.body = [&](std::span<const std::byte> bytes) { return location.empty() && receiver.body(bytes); };
    const Upstream upstream(policy, proxy, proxy);
    try {
        upstream.fetch({"GET", target, headers}, trusted, mine, stop, limits);
    } catch (const AddressRefused& error) {
        throw FetchRefused(printable(target) + ": " + error.what());
    } catch (const TransferFailed& error) {
        if (stop.stop_requested()) throw Cancelled();
        if (error.broken && (connected || answered_)) throw FetchBroken(error.what());
        throw FetchFailed(error.what());
    }
    if (stop.stop_requested()) throw Cancelled();
    return location;
}

}  // namespace builders::network
