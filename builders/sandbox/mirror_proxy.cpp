// SPDX-License-Identifier: Apache-2.0
#include "builders/sandbox/mirror_proxy.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

namespace builders::network {
namespace {

constexpr std::size_t most_head = 16384, most_connections = 64;
constexpr int idle_milliseconds = 60000;

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

formats::File listen_at(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name = path.string();
    if (name.size() >= sizeof address.sun_path) throw std::runtime_error("the path is too long for a socket: " + name);
    name.copy(static_cast<char*>(address.sun_path), name.size());
    formats::File listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), name);
    ::unlink(name.c_str());
    if (listener.descriptor() < 0 ||
        ::bind(listener.descriptor(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::chmod(name.c_str(), 0666) != 0 || ::listen(listener.descriptor(), 64) != 0)
        fail("listen at " + name);
    return listener;
}

// SIGPIPE never reaches us: MSG_NOSIGNAL. False when the client has gone.
bool send_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t put = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
}

std::string status_line(int status) {
    return "HTTP/1.1 " + std::to_string(status) + (status < 400 ? " OK" : " Refused") + "\r\n";
}

bool refuse(int fd, int status, const std::string& why) {
    const std::string text = why + "\n";
    send_all(fd, status_line(status) + "Content-Type: text/plain\r\nConnection: close\r\nContent-Length: " +
                     std::to_string(text.size()) + "\r\n\r\n" + text);
    return false;
}

// One direction of a tunnel; false at its end.
bool relay(int from, int to) {
    std::array<char, 65536> buffer;
    const ssize_t got = ::recv(from, buffer.data(), buffer.size(), 0);
    return got > 0 && send_all(to, {buffer.data(), static_cast<std::size_t>(got)});
}

}  // namespace

MirrorProxy::MirrorProxy(std::filesystem::path socket, std::vector<Origin> allowed, const Upstream& upstream,
                         std::function<void(std::string_view)> log)
    : path_(std::move(socket)),
      allowed_(std::move(allowed)),
      upstream_(upstream),
      log_(std::move(log)),
      listener_(listen_at(path_)),
      acceptor_([this] { accept_all(); }) {}

MirrorProxy::~MirrorProxy() {
    stop_.request_stop();
    ::shutdown(listener_.descriptor(), SHUT_RDWR);
    acceptor_.join();
    std::unique_lock lock(mutex_);
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    changed_.wait(lock, [&] { return open_.empty(); });
    ::unlink(path_.c_str());
}

void MirrorProxy::accept_all() {
    while (!stop_.stop_requested()) {
        const int fd = ::accept4(listener_.descriptor(), nullptr, nullptr, SOCK_CLOEXEC);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
        if (fd < 0) return;
        {
            const std::lock_guard lock(mutex_);
            if (open_.size() >= most_connections || stop_.stop_requested()) {
                ::close(fd);
                continue;
            }
            open_.push_back(fd);
        }
        std::thread([this, fd] {
            const formats::File client(fd, "a client of the mirror proxy");
            try {
                serve(client);
            } catch (const std::exception& error) {
                log_(std::string("network: ") + error.what());
            }
            const std::lock_guard lock(mutex_);
            std::erase(open_, fd);
            changed_.notify_all();  // under the lock: the waiter destroys us
        }).detach();
    }
}

void MirrorProxy::serve(const formats::File& client) {
    std::string received;
    std::array<char, 8192> buffer;
    for (;;) {
        std::size_t end = 0;
        while ((end = received.find("\r\n\r\n")) == std::string::npos) {
            if (received.size() > most_head) return void(refuse(client.descriptor(), 431, "the headers are too long"));
            pollfd wait{client.descriptor(), POLLIN, 0};
            if (::poll(&wait, 1, idle_milliseconds) <= 0) return;
            const ssize_t got = ::recv(client.descriptor(), buffer.data(), buffer.size(), 0);
            if (got <= 0) return;
            received.append(buffer.data(), static_cast<std::size_t>(got));
        }
        const std::string head = received.substr(0, end + 4);
        received.erase(0, end + 4);
        if (!answer(client, head)) return;
    }
}

// False: the connection is over.
bool MirrorProxy::answer(const formats::File& client, std::string_view head) {
    std::string wrong;
    const std::optional<ProxyRequest> request = parse_proxy_request(head, wrong);
    if (!request) {
        log_("network: refused a request: " + wrong);
        return refuse(client.descriptor(), 400, wrong);
    }
    const Origin* origin = covering(*request, allowed_);
    if (!origin) {
        log_("network: refused " + request->method + " " + request->url() + ": not one of the recipe's repositories");
        return refuse(client.descriptor(), 403, "not one of the recipe's repositories: " + request->url());
    }
    if (request->method == "CONNECT") {
        join_tunnel(client, *request, origin->trusted);
        return false;
    }
    return forward(client, *request, origin->trusted);
}

bool MirrorProxy::forward(const formats::File& client, const ProxyRequest& request, bool trusted) {
    const int fd = client.descriptor();
    bool answered = false, keep = request.keep_alive;
    Receiver receiver;
    receiver.head = [&](const Head& head) {
        answered = true;
        const bool bodiless = request.method == "HEAD" || head.status == 304 || head.status == 204;
        if (!bodiless && head.value("content-length").empty()) keep = false;  // its end is the connection's
        std::string text = status_line(head.status);
        for (const char* name : {"content-length", "content-type", "content-range", "accept-ranges", "last-modified",
                                 "etag", "date", "location"})
            if (const std::string value = head.value(name); !value.empty())
                text += std::string(name) + ": " + value + "\r\n";
        text += keep ? "connection: keep-alive\r\n\r\n" : "connection: close\r\n\r\n";
        if (!send_all(fd, text)) keep = false;
    };
    receiver.body = [&](std::span<const std::byte> bytes) {
        if (send_all(fd, {reinterpret_cast<const char*>(bytes.data()), bytes.size()})) return true;
        keep = false;
        return false;
    };
    try {
        upstream_.fetch(request, trusted, receiver, stop_.get_token());
    } catch (const std::exception& error) {
        log_(std::string("network: ") + error.what());
        if (!answered) return refuse(fd, 502, error.what());
        return false;  // cut off: the client sees that bytes are missing
    }
    return keep;
}

void MirrorProxy::join_tunnel(const formats::File& client, const ProxyRequest& request, bool trusted) {
    formats::File server;
    try {
        server = upstream_.tunnel(request, trusted, stop_.get_token());
    } catch (const std::exception& error) {
        log_(std::string("network: ") + error.what());
        return void(refuse(client.descriptor(), 502, error.what()));
    }
    if (!send_all(client.descriptor(), "HTTP/1.1 200 Connected\r\n\r\n")) return;
    std::array<pollfd, 2> ends{{{client.descriptor(), POLLIN, 0}, {server.descriptor(), POLLIN, 0}}};
    while (!stop_.stop_requested()) {
        const int ready = ::poll(ends.data(), ends.size(), 1000);
        if (ready < 0 && errno != EINTR) return;
        if (ready <= 0) continue;
        if (ends[0].revents != 0 && !relay(client.descriptor(), server.descriptor())) return;
        if (ends[1].revents != 0 && !relay(server.descriptor(), client.descriptor())) return;
    }
}

}  // namespace builders::network
