// SPDX-License-Identifier: Apache-2.0
#pragma once
// Stored images in other formats than they are stored in, made while they are sent.
#include "server/api/api.hpp"
#include "server/images/stored_images.hpp"

namespace server::api {

class Images {
public:
    Images(catalog::Catalog& catalog, const store::Store& store) : catalog_(catalog), images_(store) {}

    // /v1/images/{release}/disk.{raw,qcow2,vhd,xva}
    Response disk(const Request& request, const std::vector<std::string>& parts);

    // /download/{release}/{file} of a file that is stored packed: {file}.xz. None when no such file is stored.
    std::optional<Response> unpacked(const std::string& release, const std::string& file);

private:
    catalog::Catalog& catalog_;
    images::StoredImages images_;
};

}  // namespace server::api
