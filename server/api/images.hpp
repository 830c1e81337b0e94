// SPDX-License-Identifier: Apache-2.0
#pragma once
// Stored images in other formats than they are stored in, made while they are sent.
#include "server/api/routes.hpp"

namespace server::api {

Response image(const Call& call);  // {release}, {format}: raw, qcow2, vhd, xva

// A file of a release that is stored packed, as {file}.xz. None when no such file is stored.
std::optional<Response> unpacked(const Service& service, const std::string& release, const std::string& file);

}  // namespace server::api
