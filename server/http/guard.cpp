// SPDX-License-Identifier: Apache-2.0
#include "server/http/guard.hpp"

#include <boost/asio/ip/address.hpp>
#include <cctype>
#include <stdexcept>

#include "formats/base/text.hpp"

namespace server::http {
namespace {

// "host" or "host:port" → "host"; empty when it is neither.
std::string without_port(const std::string& authority) {
    const std::size_t bracket = authority.starts_with('[') ? authority.find(']') : 0;
    if (bracket == std::string::npos) return {};
    const std::size_t colon = authority.find(':', bracket);
    if (colon == std::string::npos) return authority;
    const std::string port = authority.substr(colon + 1);
    return port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != std::string::npos
               ? ""
               : authority.substr(0, colon);
}

// "http://host:port/…" → "host:port"; empty when it is no address.
std::string authority_of(const std::string& url) {
    const std::size_t scheme = url.find("://");
    return scheme == std::string::npos ? ""
                                       : formats::lower(url.substr(scheme + 3, url.find('/', scheme + 3) - scheme - 3));
}

// Names are compared whole: 127.0.0.1.example.org belongs to somebody else.
bool ours(const std::string& host, const std::string& public_url) {
    const std::string name = without_port(host);
    return name == "localhost" || name == "127.0.0.1" || name == "[::1]" ||
           (!name.empty() && name == without_port(authority_of(public_url)));
}

}  // namespace

void require_loopback(const std::string& address) {
    boost::system::error_code error;
    const auto parsed = boost::asio::ip::make_address(address, error);
    if (error) throw std::invalid_argument("'" + address + "' is not an IP address to listen on");
    if (!parsed.is_loopback())
        throw std::invalid_argument("will not listen on " + address +
                                    ": there are no access tokens yet, so anybody who reaches the service could run "
                                    "builds; listen on 127.0.0.1 and put a proxy of your own before it");
}

std::string foreign(const std::string& method, const std::map<std::string, std::string>& headers,
                    const std::string& public_url) {
    const auto value = [&](const char* name) {
        const auto found = headers.find(name);
        return found == headers.end() ? std::string() : found->second;
    };
    const std::string host = formats::lower(value("host")), origin = value("origin"), site = value("sec-fetch-site");
    if (!host.empty() && !ours(host, public_url)) return "this service is not called " + host.substr(0, 100);
    if (method == "GET" || method == "HEAD") return {};
    // Another port of this machine is another site.
    const std::string from = authority_of(origin);
    if (!origin.empty() && (from.empty() || (from != host && from != authority_of(public_url))))
        return "a page of " + origin.substr(0, 100) + " may not change anything here";
    if (!site.empty() && site != "same-origin" && site != "none")
        return "another site's page may not change anything here";
    return {};
}

}  // namespace server::http
