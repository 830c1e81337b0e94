// SPDX-License-Identifier: Apache-2.0
#include "builders/network/proxy_request.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "formats/base/text.hpp"

namespace builders::network {
namespace {

bool is_host(std::string_view text) {
    return !text.empty() && text.size() <= 255 && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
    });
}

// "host", "host:8080", "[::1]:80". False when it is none of these.
bool take_authority(std::string_view text, Origin& into) {
    std::string_view port;
    if (text.starts_with('[')) {
        const std::size_t close = text.find(']');
        if (close == std::string_view::npos) return false;
        into.host = formats::lower(text.substr(1, close - 1));
        if (into.host.find_first_not_of("0123456789abcdef:.") != std::string::npos || into.host.empty()) return false;
        text.remove_prefix(close + 1);
        if (text.empty()) return true;
        if (text[0] != ':') return false;
        port = text.substr(1);
    } else {
        const std::size_t colon = text.find(':');
        into.host = formats::lower(text.substr(0, colon));
        if (!is_host(into.host)) return false;
        if (colon == std::string_view::npos) return true;
        port = text.substr(colon + 1);
    }
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), into.port);
    return error == std::errc() && end == port.data() + port.size() && into.port >= 1 && into.port <= 65535;
}

bool is_printable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 127; });
}

bool climbs(std::string_view path) {
    const std::string low = formats::lower(path.substr(0, path.find_first_of("?#")));
    for (const char* piece : {"/../", "/./", "%2e", "%2f", "%5c", "\\"})
        if (low.find(piece) != std::string::npos) return true;
    return low.ends_with("/..") || low.ends_with("/.");
}

std::optional<Origin> split(std::string_view url) {
    Origin origin;
    if (url.starts_with("http://")) {
        origin.scheme = "http";
        origin.port = 80;
    } else if (url.starts_with("https://")) {
        origin.scheme = "https";
        origin.port = 443;
    } else {
        return std::nullopt;
    }
    const std::string_view rest = url.substr(origin.scheme.size() + 3);
    const std::size_t slash = std::min(rest.find_first_of("/?#"), rest.size());
    if (!is_printable(url) || !take_authority(rest.substr(0, slash), origin)) return std::nullopt;
    origin.path = rest.substr(slash);
    return origin;
}

constexpr std::array passed_on{"range", "if-range", "if-modified-since", "if-none-match", "accept", "cache-control"};

}  // namespace

std::optional<Origin> origin_of(std::string_view url, bool trusted) {
    std::optional<Origin> origin = split(url);
    if (!origin || origin->path.find_first_of("?#") != std::string::npos) return std::nullopt;
    if (!origin->path.ends_with('/')) origin->path += '/';
    origin->trusted = trusted;
    return origin;
}

std::optional<Origin> target_of(std::string_view url) {
    const std::size_t colon = std::min(url.find("://"), url.size());
    std::optional<Origin> target = split(formats::lower(url.substr(0, colon)) + std::string(url.substr(colon)));
    if (!target) return std::nullopt;
    target->path = target->path.substr(0, target->path.find('#'));
    if (!target->path.starts_with('/')) target->path.insert(0, "/");
    return target;
}

std::string to_url(const Origin& target) {
    const bool v6 = target.host.find(':') != std::string::npos;
    return target.scheme + "://" + (v6 ? "[" + target.host + "]" : target.host) + ":" + std::to_string(target.port) +
           target.path;
}

std::string printable(const Origin& target) {
    Origin shown = target;
    const std::size_t query = target.path.find('?');
    if (query != std::string::npos) shown.path = target.path.substr(0, query) + "?…";
    std::string text = to_url(shown);
    const std::string port = ":" + std::to_string(target.port);
    if (target.port == (target.scheme == "https" ? 443U : 80U))
        text.erase(text.find(port + "/", target.scheme.size() + 3), port.size());
    return text;
}

std::string ProxyRequest::url() const {
    return to_url(target);
}

std::optional<ProxyRequest> parse_proxy_request(std::string_view head, std::string& wrong) {
    const auto give_up = [&](const char* why) {
        wrong = why;
        return std::nullopt;
    };
    const std::size_t end = head.find("\r\n");
    if (end == std::string_view::npos) return give_up("the request has no line");
    const std::string_view line = head.substr(0, end);
    const std::size_t first = line.find(' '), last = line.rfind(' ');
    if (first == std::string_view::npos || last == first)
        return give_up("the request line is not METHOD ADDRESS HTTP/1.1");
    const std::string_view version = line.substr(last + 1);
    if (version != "HTTP/1.1" && version != "HTTP/1.0") return give_up("only HTTP/1.1 and HTTP/1.0 are spoken here");
    ProxyRequest request;
    request.method = line.substr(0, first);
    request.keep_alive = version == "HTTP/1.1";
    const std::string_view address = line.substr(first + 1, last - first - 1);
    if (request.method == "CONNECT") {
        request.target.scheme = "https";
        if (!take_authority(address, request.target) || request.target.port == 0)
            return give_up("CONNECT needs HOST:PORT");
    } else if (request.method == "GET" || request.method == "HEAD") {
        const std::optional<Origin> target = target_of(address);
        if (!target) return give_up("this is a proxy: requests need a whole http address without credentials");
        request.target = *target;
    } else {
        return give_up("only GET, HEAD and CONNECT are allowed");
    }
    for (std::string_view rest = head.substr(end + 2); !rest.empty() && !rest.starts_with("\r\n");) {
        const std::size_t stop = rest.find("\r\n");
        if (stop == std::string_view::npos) return give_up("a header has no end");
        const std::string_view header = rest.substr(0, stop);
        rest.remove_prefix(stop + 2);
        const std::size_t colon = header.find(':');
        if (colon == std::string_view::npos || colon == 0 || header[0] == ' ' || header[0] == '\t')
            return give_up("a header is not NAME: VALUE");
        const std::string name = formats::lower(header.substr(0, colon));
        std::string_view value = header.substr(colon + 1);
        while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
        if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos)
            return give_up("a header holds a control character");
        if (name == "transfer-encoding" || (name == "content-length" && value != "0"))
            return give_up("requests have no body here");
        if ((name == "connection" || name == "proxy-connection") &&
            formats::lower(value).find("close") != std::string::npos)
            request.keep_alive = false;
        if (std::find(passed_on.begin(), passed_on.end(), name) != passed_on.end())
            request.headers.emplace_back(name, value);
    }
    return request;
}

const Origin* covering(const ProxyRequest& request, const std::vector<Origin>& allowed) {
    for (const Origin& origin : allowed) {
        if (origin.host != request.target.host || origin.port != request.target.port ||
            origin.scheme != request.target.scheme)
            continue;
        if (request.method == "CONNECT") return &origin;
        if (request.target.path.starts_with(origin.path) && !climbs(request.target.path)) return &origin;
    }
    return nullptr;
}

}  // namespace builders::network
