// SPDX-License-Identifier: Apache-2.0
#pragma once
// The network of one build: its repositories, the operator's proxies, and the mirror proxy between them and the
// sandbox.
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "builders/sandbox/mirror_proxy.hpp"

namespace builders::network {

// A repository by its address; trusted when this machine's administrator named it, not the recipe.
struct Repository {
    std::string url;
    bool trusted = false;
};

class WayOut {
public:
    // The socket is made in `folder`. Addresses that are not http(s) are said in the log and left out.
    WayOut(const std::filesystem::path& folder, const std::vector<Repository>& repositories,
           const std::vector<std::string>& allowed_hosts, const std::function<void(std::string_view)>& log);
    const std::filesystem::path& socket() const { return proxy_->socket(); }

private:
    std::unique_ptr<Upstream> upstream_;
    std::unique_ptr<MirrorProxy> proxy_;  // last: it uses upstream_
};

}  // namespace builders::network
