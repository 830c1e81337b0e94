// SPDX-License-Identifier: Apache-2.0
#include "builders/network/upstream.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <stdexcept>
#include <system_error>

#include "builders/network/curl_library.hpp"
#include "formats/base/text.hpp"

namespace builders::network {
namespace {

constexpr long slow_bytes = 100;
constexpr std::size_t most_head = 256 << 10;  // of all headers of one transfer, interim answers included

// What the callbacks of one transfer share.
struct Transfer {
    const AddressPolicy& policy;
    const ProxyRequest& request;
    bool checked = true;  // false: a trusted origin, or the address seen is that of the administrator's proxy
    const Receiver* receiver = nullptr;
    const std::stop_token& stop;
    Head head;
    std::size_t head_size = 0;
    bool head_told = false, enough = false;
    bool proxied = false;
    std::string refused;
    std::array<char, CURL_ERROR_SIZE> details{};
    std::exception_ptr trouble = nullptr;

    void tell_head() {
        if (!head_told && receiver) receiver->head(head);
        head_told = true;
    }
};

curl_socket_t open_socket(void* self, curlsocktype, curl_sockaddr* address) {
    auto& transfer = *static_cast<Transfer*>(self);
    const Origin& target = transfer.request.target;
    if (transfer.checked && !transfer.policy.allows(target.host, target.port, address->addr)) {
        transfer.refused = target.host + " has the address " + to_string(address->addr) +
                           ", which is not a public one; the operator can allow it with --allow-host " + target.host;
        return CURL_SOCKET_BAD;
    }
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::size_t on_header(char* data, std::size_t, std::size_t size, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    std::string_view line(data, size);
    transfer.head_size += size;
    if (transfer.head_size > most_head) return 0;
    while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with("HTTP/")) {  // also of an interim answer or of a proxy: the last one counts
        transfer.head = {};
        const std::size_t space = std::min(line.find(' '), line.size() - 1);
        std::from_chars(line.data() + space + 1, line.data() + line.size(), transfer.head.status);
    } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
        std::string_view value = line.substr(colon + 1);
        while (value.starts_with(' ')) value.remove_prefix(1);
        transfer.head.headers.emplace_back(formats::lower(line.substr(0, colon)), value);
    }
    return size;
}

std::size_t on_body(char* data, std::size_t, std::size_t size, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    try {
        transfer.tell_head();
        if (transfer.receiver->body(std::as_bytes(std::span(data, size)))) return size;
        transfer.enough = true;
    } catch (...) {
        transfer.trouble = std::current_exception();
    }
    return CURL_WRITEFUNC_ERROR;
}

Connection connection_to(const char* address) {
    sockaddr_in in4{};
    sockaddr_in6 in6{};
    in4.sin_family = AF_INET;
    in6.sin6_family = AF_INET6;
    if (::inet_pton(AF_INET, address, &in4.sin_addr) == 1)
        return {address, is_public(reinterpret_cast<const sockaddr&>(in4))};
    if (::inet_pton(AF_INET6, address, &in6.sin6_addr) == 1)
        return {address, is_public(reinterpret_cast<const sockaddr&>(in6))};
    return {address, false};
}

int on_connection(void* self, char* address, char*, int, int) {
    auto& transfer = *static_cast<Transfer*>(self);
    if (transfer.receiver && transfer.receiver->connected)
        transfer.receiver->connected(transfer.proxied ? Connection{} : connection_to(address));
    return CURL_PREREQFUNC_OK;
}

int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Transfer*>(self)->stop.stop_requested() ? 1 : 0;
}

void set_up(CURL* easy, Transfer& transfer, const std::string& url, const std::string& proxy, const Limits& limits) {
    const auto set = curl().easy_setopt;
    set(easy, CURLOPT_URL, url.c_str());
    set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    set(easy, CURLOPT_FOLLOWLOCATION, 0L);
    set(easy, CURLOPT_NOSIGNAL, 1L);
    set(easy, CURLOPT_PROXY, proxy.c_str());  // "" also keeps the environment's out
    set(easy, CURLOPT_NOPROXY, "");           // the environment's again: whoever chose the proxy has looked at it
    set(easy, CURLOPT_USERAGENT, "xenkiln");
    set(easy, CURLOPT_ERRORBUFFER, transfer.details.data());
    set(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits.connect.count()));
    set(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(limits.whole.count()));
    set(easy, CURLOPT_LOW_SPEED_LIMIT, slow_bytes);
    set(easy, CURLOPT_LOW_SPEED_TIME, static_cast<long>(limits.stall.count()));
    if (limits.http_1) set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    set(easy, CURLOPT_OPENSOCKETDATA, &transfer);
    set(easy, CURLOPT_PREREQFUNCTION, on_connection);
    set(easy, CURLOPT_PREREQDATA, &transfer);
    set(easy, CURLOPT_NOPROGRESS, 0L);
    set(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    set(easy, CURLOPT_XFERINFODATA, &transfer);
}

bool is_broken(CURLcode code) {
    constexpr std::array ways{CURLE_OPERATION_TIMEDOUT, CURLE_PARTIAL_FILE,        CURLE_RECV_ERROR,
                              CURLE_SEND_ERROR,         CURLE_GOT_NOTHING,         CURLE_HTTP2,
                              CURLE_HTTP2_STREAM,       CURLE_COULDNT_CONNECT,     CURLE_SSL_CONNECT_ERROR,
                              CURLE_WEIRD_SERVER_REPLY, CURLE_COULDNT_RESOLVE_HOST};
    return std::find(ways.begin(), ways.end(), code) != ways.end();
}

void require(CURLcode code, const Transfer& transfer) {
    if (transfer.trouble) std::rethrow_exception(transfer.trouble);
    if (!transfer.refused.empty()) throw AddressRefused(transfer.refused);
    if (code == CURLE_OK || transfer.enough) return;
    const std::string url = printable(transfer.request.target);
    if (transfer.head_size > most_head)
        throw TransferFailed(url + ": the headers of its answer have more than " + std::to_string(most_head) + " bytes",
                             false);
    throw TransferFailed(url + ": " + (transfer.details[0] != 0 ? transfer.details.data() : curl().easy_strerror(code)),
                         is_broken(code));
}

}  // namespace

Upstream::Upstream(AddressPolicy policy, std::string http_proxy, std::string https_proxy)
    : policy_(std::move(policy)), http_proxy_(std::move(http_proxy)), https_proxy_(std::move(https_proxy)) {
    curl();
}

std::string resolve_reference(const std::string& base, const std::string& reference) {
    const Url url(curl().url());
    char* text = nullptr;
    if (curl().url_set(url.get(), CURLUPART_URL, base.c_str(), 0) != CURLUE_OK ||
        curl().url_set(url.get(), CURLUPART_URL, reference.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
        curl().url_get(url.get(), CURLUPART_URL, &text, 0) != CURLUE_OK)
        return {};
    std::string resolved = text;
    curl().free(text);
    return resolved;
}

void Upstream::fetch(const ProxyRequest& request, bool trusted, const Receiver& receiver, const std::stop_token& stop,
                     const Limits& limits) const {
    const std::string url = request.url();
    const std::string& proxy = request.target.scheme == "https" ? https_proxy_ : http_proxy_;
    Transfer transfer{policy_, request, !trusted && proxy.empty(), &receiver, stop};
    transfer.proxied = !proxy.empty();
    const Easy easy(curl().easy_init());
    List headers;
    for (const auto& [name, value] : request.headers) {
        const std::string line = name + ": " + value;
        headers.reset(curl().slist_append(headers.release(), line.c_str()));
    }
    set_up(easy.get(), transfer, url, proxy, limits);
    const auto set = curl().easy_setopt;
    set(easy.get(), CURLOPT_HTTPHEADER, headers.get());
    set(easy.get(), CURLOPT_NOBODY, request.method == "HEAD" ? 1L : 0L);
    set(easy.get(), CURLOPT_HEADERFUNCTION, on_header);
    set(easy.get(), CURLOPT_HEADERDATA, &transfer);
    set(easy.get(), CURLOPT_WRITEFUNCTION, on_body);
    set(easy.get(), CURLOPT_WRITEDATA, &transfer);
    require(curl().easy_perform(easy.get()), transfer);
    transfer.tell_head();
}

formats::File Upstream::tunnel(const ProxyRequest& request, bool trusted, const std::stop_token& stop) const {
    const std::string url = request.url();
    Transfer transfer{policy_, request, !trusted && https_proxy_.empty(), nullptr, stop};
    const Easy easy(curl().easy_init());
    // The bytes are the client's own TLS: connect only, as for plain http, with the proxy tunnelled through.
    const std::string plain = "http" + url.substr(url.find("://"));
    set_up(easy.get(), transfer, plain, https_proxy_, {});
    curl().easy_setopt(easy.get(), CURLOPT_CONNECT_ONLY, 1L);
    curl().easy_setopt(easy.get(), CURLOPT_HTTPPROXYTUNNEL, 1L);
    require(curl().easy_perform(easy.get()), transfer);
    curl_socket_t socket = CURL_SOCKET_BAD;
    curl().easy_getinfo(easy.get(), CURLINFO_ACTIVESOCKET, &socket);
    const int mine = ::fcntl(socket, F_DUPFD_CLOEXEC, 0);  // libcurl closes its own
    if (mine < 0) throw std::system_error(errno, std::generic_category(), "tunnel to " + url);
    ::fcntl(mine, F_SETFL, ::fcntl(mine, F_GETFL) & ~O_NONBLOCK);
    return {mine, "tunnel to " + url};
}

}  // namespace builders::network
