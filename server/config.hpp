// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where the service lives. The defaults serve one machine with no set-up: SQLite and a local folder.
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "builders/plan/build_host.hpp"

namespace server {

struct Config {
    std::filesystem::path data;  // $XDG_DATA_HOME/xenkiln, ~/.local/share/xenkiln
    std::string listen_address = "127.0.0.1";
    std::uint16_t port = 8080;                              // 0: any free one, printed at start
    std::filesystem::path worker;                           // the xenkiln-worker program; beside our own by default
    unsigned parallel_jobs = 1;                             // jobs that run at once
    std::uint64_t queued_jobs = 100;                        // jobs that wait; one more is refused
    std::uint64_t reserved_bytes = std::uint64_t{1} << 30;  // left free on the data file system
    builders::BuildHost host;                               // what builds may do here
    std::uint64_t upload_bytes = std::uint64_t{1} << 40;    // of one upload at most
    std::uint64_t upload_count = 100;                       // uploads kept at once
    std::uint64_t upload_seconds = 172800;                  // kept since the last byte or use: two days
    std::string public_url;                                 // as users reach us; http://ADDRESS:PORT by default
    std::uint64_t connections = 4096;                       // open at once; fewer where there are not enough files
    std::uint64_t connections_per_address = 256;            // of one client address
    std::vector<std::string> proxies{"127.0.0.1", "::1"};   // addresses that are many clients: no share for them
    std::uint64_t stop_seconds = 30;                        // for transfers to end after SIGTERM
};

// Under config.data: jobs/<id>/ (0711: the sandbox's root passes through), store/, releases/, uploads/<id>/ (0700),
// catalog.sqlite with -wal and -shm, signing-key.pem, lock (0600), signing-key.pub.pem (0644, meant for everybody).
// The whole table is in docs/architecture.md, and data_folder.hpp keeps to it.
Config default_config();

}  // namespace server
