// SPDX-License-Identifier: Apache-2.0
#pragma once
// That this machine's /dev/kvm is there but cannot run a guest is found out once per kernel, by waiting in vain: it is
// remembered in a file. A worker has a cache folder of its own, from which whoever started it takes over this one fact.
#include <filesystem>
#include <string>

namespace builders {

// $XDG_CACHE_HOME, else ~/.cache.
std::filesystem::path own_cache_folder();

class KvmMemory {
public:
    explicit KvmMemory(const std::filesystem::path& cache = own_cache_folder());

    // Whether the file names this machine and kernel. Reads no more of it, and nothing but a regular file.
    bool known_broken() const;
    // Returns why it cannot be remembered, empty when it is: no error, it is found out again.
    std::string remember() const;

private:
    std::filesystem::path file_;
    std::string key_;
};

}  // namespace builders
