// SPDX-License-Identifier: Apache-2.0
#include "builders/network/upstream.hpp"

#include <curl/curl.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <stdexcept>
#include <system_error>

#include "formats/base/handle.hpp"

namespace builders::network {
namespace {

using Easy = formats::Handle<CURL, curl_easy_cleanup>;
using List = formats::Handle<curl_slist, curl_slist_free_all>;

constexpr long connect_seconds = 30, slow_bytes = 100, slow_seconds = 60;

void start_curl_once() {
    static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (started != CURLE_OK) throw std::runtime_error(std::string("libcurl: ") + curl_easy_strerror(started));
}

// What the callbacks of one transfer share.
struct Transfer {
    const AddressPolicy& policy;
    const ProxyRequest& request;
    bool checked = true;  // false: a trusted origin, or the address seen is that of the administrator's proxy
    const Receiver* receiver = nullptr;
    const std::stop_token& stop;
    Head head;
    bool head_told = false, enough = false;
    std::string refused;
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
    while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with("HTTP/")) {  // also of an interim answer or of a proxy: the last one counts
        transfer.head = {};
        const std::size_t space = std::min(line.find(' '), line.size() - 1);
        std::from_chars(line.data() + space + 1, line.data() + line.size(), transfer.head.status);
    } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
        std::string_view value = line.substr(colon + 1);
        while (value.starts_with(' ')) value.remove_prefix(1);
        transfer.head.headers.emplace_back(lower(line.substr(0, colon)), value);
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

int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Transfer*>(self)->stop.stop_requested() ? 1 : 0;
}

void set_up(CURL* easy, Transfer& transfer, const std::string& url, const std::string& proxy) {
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, proxy.c_str());  // "" also keeps the environment's out
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "xenkiln");
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, connect_seconds);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &transfer);
}

void require(CURLcode code, const Transfer& transfer, const std::string& url) {
    if (transfer.trouble) std::rethrow_exception(transfer.trouble);
    if (!transfer.refused.empty()) throw std::runtime_error(transfer.refused);
    if (code == CURLE_OK || transfer.enough) return;
    throw std::runtime_error(url + ": " + curl_easy_strerror(code));
}

}  // namespace

std::string Head::value(std::string_view name) const {
    for (const auto& [key, value] : headers)
        if (key == name) return value;
    return {};
}

Upstream::Upstream(AddressPolicy policy, std::string http_proxy, std::string https_proxy)
    : policy_(std::move(policy)), http_proxy_(std::move(http_proxy)), https_proxy_(std::move(https_proxy)) {
    start_curl_once();
}

void Upstream::fetch(const ProxyRequest& request, bool trusted, const Receiver& receiver,
                     const std::stop_token& stop) const {
    const std::string url = request.url();
    const std::string& proxy = request.target.scheme == "https" ? https_proxy_ : http_proxy_;
    Transfer transfer{policy_, request, !trusted && proxy.empty(), &receiver, stop};
    const Easy easy(curl_easy_init());
    List headers;
    for (const auto& [name, value] : request.headers) {
        const std::string line = name + ": " + value;
        headers.reset(curl_slist_append(headers.release(), line.c_str()));
    }
    set_up(easy.get(), transfer, url, proxy);
    curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(easy.get(), CURLOPT_NOBODY, request.method == "HEAD" ? 1L : 0L);
    curl_easy_setopt(easy.get(), CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy.get(), CURLOPT_HEADERDATA, &transfer);
    curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(easy.get(), CURLOPT_LOW_SPEED_LIMIT, slow_bytes);
    curl_easy_setopt(easy.get(), CURLOPT_LOW_SPEED_TIME, slow_seconds);
    require(curl_easy_perform(easy.get()), transfer, url);
    transfer.tell_head();
}

formats::File Upstream::tunnel(const ProxyRequest& request, bool trusted, const std::stop_token& stop) const {
    const std::string url = request.url();
    Transfer transfer{policy_, request, !trusted && https_proxy_.empty(), nullptr, stop};
    const Easy easy(curl_easy_init());
    // The bytes are the client's own TLS: connect only, as for plain http, with the proxy tunnelled through.
    const std::string plain = "http" + url.substr(url.find("://"));
    set_up(easy.get(), transfer, plain, https_proxy_);
    curl_easy_setopt(easy.get(), CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy.get(), CURLOPT_HTTPPROXYTUNNEL, 1L);
    require(curl_easy_perform(easy.get()), transfer, url);
    curl_socket_t socket = CURL_SOCKET_BAD;
    curl_easy_getinfo(easy.get(), CURLINFO_ACTIVESOCKET, &socket);
    const int mine = ::fcntl(socket, F_DUPFD_CLOEXEC, 0);  // libcurl closes its own
    if (mine < 0) throw std::system_error(errno, std::generic_category(), "tunnel to " + url);
    ::fcntl(mine, F_SETFL, ::fcntl(mine, F_GETFL) & ~O_NONBLOCK);
    return {mine, "tunnel to " + url};
}

}  // namespace builders::network
