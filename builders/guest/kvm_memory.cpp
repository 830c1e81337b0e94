// SPDX-License-Identifier: Apache-2.0
#include "builders/guest/kvm_memory.hpp"

#include <sys/utsname.h>

#include <cstdlib>
#include <fstream>
#include <system_error>

#include "formats/base/whole_file.hpp"

namespace builders {

namespace fs = std::filesystem;

fs::path own_cache_folder() {
    const char* cache = std::getenv("XDG_CACHE_HOME");
    const char* home = std::getenv("HOME");
    return cache ? fs::path(cache) : fs::path(home ? home : "/tmp") / ".cache";
}

KvmMemory::KvmMemory(const fs::path& cache) : file_(cache / "xenkiln/kvm-does-not-work") {
    utsname system{};
    ::uname(&system);
    std::ifstream id("/etc/machine-id");
    std::getline(id, key_);
    key_ += std::string(" ") + system.release + "\n";
}

bool KvmMemory::known_broken() const {
    std::error_code none;
    if (!fs::is_regular_file(fs::symlink_status(file_, none))) return false;
    try {
        return formats::read_whole_file(file_, key_.size()) == key_;
    } catch (const std::system_error&) {
        return false;
    }
}

std::string KvmMemory::remember() const {
    try {
        fs::create_directories(file_.parent_path());
        formats::write_whole_file(file_, key_);
    } catch (const std::system_error& error) {
        return error.what();
    }
    return {};
}

}  // namespace builders
