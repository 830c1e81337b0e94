// SPDX-License-Identifier: Apache-2.0
#pragma once
// What is published: releases, their files and pages, and the key that they are signed with.
#include "server/api/routes.hpp"

namespace server::api {

Response catalog_page(const Call& call);
Response release_page(const Call& call);  // {name}
Response list_releases(const Call& call);
Response show_release(const Call& call);   // {name}
Response show_artifact(const Call& call);  // {sha256}
Response download(const Call& call);       // {release}, {file}
Response signing_key(const Call& call);
Response health(const Call& call);

}  // namespace server::api
