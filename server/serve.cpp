// SPDX-License-Identifier: Apache-2.0
#include "server/serve.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>

#include <algorithm>
#include <csignal>
#include <iostream>

#include "builders/packages/host_tools.hpp"
#include "builders/plan/families.hpp"
#include "builders/sandbox/id_range.hpp"
#include "builders/sandbox/open_files.hpp"
#include "formats/base/file.hpp"
#include "server/api/api.hpp"
#include "server/data_folder.hpp"
#include "server/http/guard.hpp"
#include "server/http/listener.hpp"

namespace server {
namespace {

// Held as long as we live: two services on one folder would sweep each other's work away.
formats::File lock(const std::filesystem::path& data) {
    const std::filesystem::path file = data / "lock";
    formats::File held(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600), file.string());
    if (held.descriptor() < 0) throw std::system_error(errno, std::generic_category(), "open " + file.string());
    if (::flock(held.descriptor(), LOCK_EX | LOCK_NB) != 0)
        throw std::runtime_error("another xenkiln serves the data folder " + data.string());
    return held;
}

// A download has a file open beside its socket; each queued job has its events open, and the rest is for stored images,
// workers' pipes and the catalog.
std::uint64_t connections_within(std::uint64_t files, const Config& config) {
    const std::uint64_t others = std::min(files / 2, 256 + config.queued_jobs), fit = (files - others) / 2;
    if (fit < config.connections)
        spdlog::warn("{} connections at once instead of {}: this process may have {} files open (ulimit -Hn)", fit,
                     config.connections, files);
    return std::min(fit, config.connections);
}

}  // namespace

int serve(const Config& given) try {
    ::signal(SIGPIPE, SIG_IGN);
    ::mallopt(M_MMAP_THRESHOLD, 1 << 20);  // blocks of images go back to the system when they are dropped
    const std::uint64_t files = builders::raise_open_files();
    spdlog::set_default_logger(spdlog::stderr_logger_mt("xenkiln"));
    Config config = given;
    http::require_loopback(config.listen_address);
    builders::check_sandbox_available();
    for (const builders::FamilyFacts& family : builders::families())
        builders::require_programs(builders::packages::host_tools(family.name));
    prepare_data_folder(config.data);
    const formats::File held = lock(config.data);
    if (const std::size_t closed = close_to_others(config.data); closed > 0)
        spdlog::warn("{} files and folders in {} could be read by other users of this machine, and now cannot", closed,
                     config.data.string());

    const auto catalog = catalog::Catalog::open(config.data / "catalog.sqlite");
    store::Store store(config.data / "store");
    uploads::UploadFolder uploads(config.data / "uploads", {config.upload_bytes, config.upload_count,
                                                            config.upload_seconds, config.reserved_bytes});
    const publish::SigningKey key = publish::SigningKey::load_or_create(config.data);
    if (config.public_url.empty())
        config.public_url = "http://" + config.listen_address + ":" + std::to_string(config.port);
    const auto jobs = jobs::JobRunner::start(config, *catalog, store);
    api::Api api(config, *catalog, *jobs, store, key, &uploads, &uploads);

    const http::Handler handler{[&](const Request& request) { return api.handle(request); }, api::Api::streams,
                                [&](const Request& head) { return api.open(head); }};
    http::Listening listening{config.listen_address, config.port, config.public_url};
    listening.connections = connections_within(files, config);
    listening.connections_per_address = config.connections_per_address;
    listening.proxies = config.proxies;
    listening.stop_seconds = config.stop_seconds;
    listening.stopping = [&] { jobs->begin_no_more(); };
    http::listen_and_serve(listening, handler, [&](std::uint16_t port) {
        if (given.public_url.empty())
            config.public_url = "http://" + config.listen_address + ":" + std::to_string(port);
        std::cout << "listening on http://" << config.listen_address << ":" << port << std::endl;
        if (!std::cout) throw std::runtime_error("where it listens cannot be told on standard output");
    });
    spdlog::info("stopping");
    return 0;
} catch (const std::exception& error) {
    std::cerr << "xenkiln serve: " << error.what() << "\n";
    return 1;
}

}  // namespace server
