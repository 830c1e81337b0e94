// SPDX-License-Identifier: Apache-2.0
#pragma once
// An http(s) address into a file. The address is somebody else's word: every redirect is judged anew, and the
// address that was judged is the one connected to (redirects.hpp). A connection that breaks is made again, and the
// file gone on with where it stopped when the server confirms that it is still the same one (partial_file.hpp).
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "builders/network/fetch_errors.hpp"
#include "builders/network/proxies.hpp"

namespace builders::network {

struct FetchRequest {
    std::string url;
    std::filesystem::path file;              // what an earlier try left there is gone on with where the server can
    std::string sha256;                      // 64 hex digits that must match; empty: any
    std::uint64_t max_bytes = 0;             // larger is refused, before the first byte where the server says its size;
                                             // 0: as large as there is room
    std::chrono::seconds time{3600};         // for all of it; 0: as long as it takes
    std::vector<std::string> allowed_hosts;  // as of AddressPolicy
    std::function<void(std::uint64_t done, std::optional<std::uint64_t> total)> progress;

    bool trusted_address = false;              // whoever gave it sits at this machine: see GetRules
    Proxies proxies = {};                      // none: straight to the server
    std::chrono::milliseconds connect{30000};  // for one connection
    std::chrono::seconds stall{60};            // under 100 bytes/s for so long breaks a connection
    std::chrono::milliseconds pause{500};      // before the next try; doubles while nothing comes
    unsigned tries = 5;                        // in a row that bring nothing new
    unsigned connections = 1;                  // at once for a large file, where the server gives ranges of it
};

struct Fetched {
    std::uint64_t size = 0;
    std::string sha256;     // of the whole file
    std::string final_url;  // after redirects, for people: without its query
    std::string file_name;  // of the path that was asked for, not of a redirect's; never empty, never a path
};

// Throws FetchRefused, FetchFailed, std::system_error for the file (ENOSPC before the first byte when there is no room
// for what the server announces); builders::Cancelled when stopped. After FetchRefused for size or digest the file is
// gone; after everything else what came is left for the next time. Nobody may see `file` before this returns.
Fetched fetch(const FetchRequest& request, const std::stop_token& stop);

// Something small, as text; `file` is not used, `max_bytes` must be set.
std::string fetch_text(const FetchRequest& request, const std::stop_token& stop);

}  // namespace builders::network
