// SPDX-License-Identifier: Apache-2.0
#pragma once
// Who asks, what there is to be allowed, and the one function that decides. Each row of the route table
// (server/api/routes.hpp) names the permission that it takes.
#include <string>
#include <vector>

namespace server::access {

enum class Permission {
    read_public,  // what is published: releases, their files and pages, recipes without passwords, the public key
    read,         // jobs with their events and logs, uploads
    build,        // bring uploads, begin and cancel jobs, have a kickstart examined
    publish,      // store recipes, which others install from
};

// Until there are tokens every request comes from nobody.
struct Caller {
    std::string name;             // empty: nobody that is known
    std::vector<Permission> may;  // of who has a name
};

// Nobody may do everything: the service answers this machine alone (server/http/guard.hpp).
bool allowed(const Caller& caller, Permission permission);

}  // namespace server::access
