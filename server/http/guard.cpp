// SPDX-License-Identifier: Apache-2.0
#include "server/http/guard.hpp"

#include <boost/asio/ip/address.hpp>
#include <stdexcept>

namespace server::http {
namespace {

std::string without_port(std::string host) {
    if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
    return host.substr(0, host.find(':'));
}

std::string host_of(const std::string& url) {
    const std::size_t scheme = url.find("://");
    const std::string rest = scheme == std::string::npos ? url : url.substr(scheme + 3);
    return without_port(rest.substr(0, rest.find('/')));
}

bool ours(const std::string& host, const std::string& public_url) {
    return host == "localhost" || host == "127.0.0.1" || host == "[::1]" || host.starts_with("127.") || host == host_of(public_url);
}

}  // namespace

void require_loopback(const std::string& address) {
    boost::system::error_code error;
    const auto parsed = boost::asio::ip::make_address(address, error);
    if (error) throw std::invalid_argument("'" + address + "' is not an IP address to listen on");
    if (!parsed.is_loopback())
        throw std::invalid_argument("will not listen on " + address + ": there are no access tokens yet, so anybody who reaches the service could run "
                                    "builds; listen on 127.0.0.1 and put a proxy of your own before it");
}

std::string foreign(const std::string& method, const std::map<std::string, std::string>& headers, const std::string& public_url) {
    const auto value = [&](const char* name) {
        const auto found = headers.find(name);
        return found == headers.end() ? std::string() : found->second;
    };
    if (const std::string host = value("host"); !host.empty() && !ours(without_port(host), public_url))
        return "this service is not called " + host.substr(0, 100);
    if (method == "GET" || method == "HEAD") return {};
    if (const std::string origin = value("origin"); !origin.empty() && !ours(host_of(origin), public_url))
        return "a page of " + origin.substr(0, 100) + " may not change anything here";
    if (value("sec-fetch-site") == "cross-site") return "another site's page may not change anything here";
    return {};
}

}  // namespace server::http
