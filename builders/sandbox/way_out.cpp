// SPDX-License-Identifier: Apache-2.0
#include "builders/sandbox/way_out.hpp"

#include <cstdlib>

#include "builders/sandbox/process.hpp"

namespace builders::network {
namespace {

// What apt would use on this machine: its configuration, else the environment's proxy.
std::string host_proxy(const char* scheme) {
    Command command;
    command.argv = {"apt-config", "shell", "proxy", std::string("Acquire::") + scheme + "::Proxy"};
    command.environment = plain_environment();
    std::string proxy;
    try {
        run(command, [&](std::string_view line) {
            if (line.starts_with("proxy='") && line.ends_with("'")) proxy = line.substr(7, line.size() - 8);
        });
    } catch (const std::exception&) {
        proxy.clear();  // no apt here: only the environment counts
    }
    if (proxy == "DIRECT") return {};
    const char* from_environment = std::getenv((std::string(scheme) + "_proxy").c_str());
    return proxy.empty() && from_environment ? from_environment : proxy;
}

}  // namespace

WayOut::WayOut(const std::filesystem::path& folder, const std::vector<Repository>& repositories,
               const std::vector<std::string>& allowed_hosts, const std::function<void(std::string_view)>& log) {
    std::vector<Origin> origins;
    for (const Repository& repository : repositories) {
        if (const auto origin = origin_of(repository.url, repository.trusted))
            origins.push_back(*origin);
        else
            log("network: " + repository.url +
                " is not a plain http(s) address and cannot be reached from the sandbox");
    }
    upstream_ = std::make_unique<Upstream>(AddressPolicy(allowed_hosts), host_proxy("http"), host_proxy("https"));
    proxy_ = std::make_unique<MirrorProxy>(folder / "mirrors.sock", std::move(origins), *upstream_, log);
}

}  // namespace builders::network
