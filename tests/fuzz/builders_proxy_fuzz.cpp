// SPDX-License-Identifier: Apache-2.0
// Any bytes as a request to the mirror proxy: refused, or understood the same way when it is put again.
#include "builders/network/proxy_request.hpp"

using namespace builders::network;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view head(reinterpret_cast<const char*>(data), size);
    static const std::vector<Origin> allowed{*origin_of("http://m.example/debian", false),
                                             *origin_of("https://s.example/", false)};
    std::string wrong;
    const auto request = parse_proxy_request(head, wrong);
    if (!request) return wrong.empty() ? (__builtin_trap(), 0) : 0;
    const std::string path = request->target.path.substr(0, request->target.path.find('?'));
    if (const Origin* origin = covering(*request, allowed))
        if (origin->host != request->target.host || path.find("/../") != std::string::npos) __builtin_trap();
    if (request->method == "CONNECT") return 0;
    const auto again = parse_proxy_request(request->method + " " + request->url() + " HTTP/1.1\r\n\r\n", wrong);
    if (!again || again->url() != request->url()) __builtin_trap();
    return 0;
}
