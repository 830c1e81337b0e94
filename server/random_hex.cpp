// SPDX-License-Identifier: Apache-2.0
#include "server/random_hex.hpp"

#include <sys/random.h>

#include <stdexcept>
#include <vector>

#include "formats/stream/digest.hpp"

namespace server {

std::string random_hex(std::size_t bytes) {
    std::vector<std::byte> random(bytes);
    if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size()))
        throw std::runtime_error("no random numbers");
    return formats::to_hex(random);
}

}  // namespace server
