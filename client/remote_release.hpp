// SPDX-License-Identifier: Apache-2.0
#pragma once
// A release in another machine's catalog: what it says of its files, and what its signature says. Every name, size
// and digest in it is a stranger's word until it was checked here.
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace client {

struct RemoteFile {
    std::string name;  // a plain file name
    std::string format, sha256;
    std::uint64_t size = 0;
};

// Of GET /v1/releases/{name}. Throws std::runtime_error naming what is wrong with it.
std::vector<RemoteFile> read_remote_release(std::string_view json);

// "hex  name" lines. Throws std::runtime_error naming the line.
std::map<std::string, std::string> read_sums(const std::string& text);

struct SignedSums {
    std::map<std::string, std::string> sha256;  // by file name: all that the signatures vouch for
    std::string fingerprint;                    // of the key
};

// Fetches SHA256SUMS, MD5SUMS where the release has them, with their signatures, and checks them against the key.
// `read` gives a file of the release by its name. Throws std::runtime_error.
SignedSums verify_sums(const std::vector<RemoteFile>& files, const std::string& public_pem,
                       const std::function<std::string(const std::string& name)>& read);

}  // namespace client
