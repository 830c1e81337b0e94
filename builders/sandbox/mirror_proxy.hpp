// SPDX-License-Identifier: Apache-2.0
#pragma once
// The only way from a sandbox to the network: an HTTP proxy of the worker's on a Unix socket, which lets through
// GET, HEAD (and CONNECT for https) to the repositories of one build, and nothing else. Each refusal is a line.
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string_view>
#include <thread>
#include <vector>

#include "builders/network/upstream.hpp"
#include "formats/base/file.hpp"

namespace builders::network {

class MirrorProxy {
public:
    // Listens at `socket` (made here, connectable by everybody who can reach the path) until it is destroyed;
    // then every connection is dead. `log` is called from several threads.
    MirrorProxy(std::filesystem::path socket, std::vector<Origin> allowed, const Upstream& upstream,
                std::function<void(std::string_view)> log);
    ~MirrorProxy();
    MirrorProxy(const MirrorProxy&) = delete;
    MirrorProxy& operator=(const MirrorProxy&) = delete;

    const std::filesystem::path& socket() const { return path_; }

private:
    void accept_all();
    void serve(const formats::File& client);
    bool answer(const formats::File& client, std::string_view head);
    bool forward(const formats::File& client, const struct ProxyRequest& request, bool trusted);
    void join_tunnel(const formats::File& client, const struct ProxyRequest& request, bool trusted);

    std::filesystem::path path_;
    std::vector<Origin> allowed_;
    const Upstream& upstream_;
    std::function<void(std::string_view)> log_;
    formats::File listener_;
    std::stop_source stop_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<int> open_;  // descriptors of connections being served
    std::thread acceptor_;
};

}  // namespace builders::network
