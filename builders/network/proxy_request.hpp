// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a client of the mirror proxy asks for, and whether it may have it. Pure, as its clients are package
// scriptlets: hostile. RFC 9112: absolute-form requests and CONNECT, GET and HEAD only, no body.
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace builders::network {

struct Origin {
    std::string scheme, host;  // lower case; "http" or "https"
    unsigned port = 0;
    std::string path;      // "/debian/", always with both slashes
    bool trusted = false;  // named by the host's administrator, not by a recipe: any address will do
};

// Of an http(s) address without credentials, nothing when it is none.
std::optional<Origin> origin_of(std::string_view url, bool trusted);
// Of one http(s) address without credentials: its path with its query, without its fragment. Nothing when it is none.
std::optional<Origin> target_of(std::string_view url);
std::string to_url(const Origin& target);     // with its port
std::string printable(const Origin& target);  // for messages and logs: queries hold keys, so that one is only "?…"

struct ProxyRequest {
    std::string method;                                        // "GET", "HEAD", "CONNECT"
    Origin target;                                             // path: the whole path with its query; empty for CONNECT
    std::vector<std::pair<std::string, std::string>> headers;  // those that are passed on: Range and conditions
    bool keep_alive = true;
    std::string url() const;
};

// `head` ends with the empty line. Returns the request, or sets `wrong` to a sentence.
std::optional<ProxyRequest> parse_proxy_request(std::string_view head, std::string& wrong);

// The origin that covers the request, or nothing. A path that climbs (.., also encoded) is never covered.
const Origin* covering(const ProxyRequest& request, const std::vector<Origin>& allowed);

}  // namespace builders::network
