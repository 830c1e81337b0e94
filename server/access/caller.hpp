// SPDX-License-Identifier: Apache-2.0
#pragma once
// What there is to be allowed. Each row of the route table (server/api/routes.hpp) names the permission that it takes.

namespace server::access {

enum class Permission {
    read_public,  // what is published: releases, their files and pages, recipes without passwords, the public key
    read,         // jobs with their events and logs, uploads
    build,        // bring uploads, begin and cancel jobs, have a kickstart examined
    publish,      // store recipes, which others install from
};

}  // namespace server::access
