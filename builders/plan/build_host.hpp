// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the operator of this machine lets a build do. Comes from the service's configuration or the command line,
// never from a recipe or a request; travels to the worker in request.json as "host".
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "builders/plan/limits.hpp"

namespace builders {

struct BuildHost {
    std::vector<std::string> allowed_hosts;  // HOST or HOST:PORT that recipes may name although they are not public
    std::map<std::string, std::string> keyrings;  // distribution → file with the keys of its packages
    bool host_scripts = false;                    // whether %pre and %post --nochroot run, in the sandbox
    bool expired_indices = false;                 // whether indices past their Valid-Until are taken (snapshots)
    bool open_network = false;                    // whether network=open may be asked for
    Limits limits;
};

std::string to_json(const BuildHost& host);
// Throws std::exception for what is not such an object.
BuildHost build_host_from_json(std::string_view text);

}  // namespace builders
