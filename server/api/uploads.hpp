// SPDX-License-Identifier: Apache-2.0
#pragma once
// /v1/uploads…: tus 1.0, plain PUT, and the uploads as JSON. docs/api.md lists the routes.
#include <functional>
#include <string>

#include "server/api/routes.hpp"

namespace server::api {

Opening create_upload(const Call& call);
Opening patch_upload(const Call& call);  // {id}
Opening put_upload(const Call& call);    // {name}
Response list_uploads(const Call& call);
Response show_upload(const Call& call);    // {id}
Response remove_upload(const Call& call);  // {id}
Response upload_options(const Call& call);

// What tus asks of every request to its addresses and adds to every answer: another method by X-HTTP-Method-Override,
// the version that is spoken, also with errors. `answer` is called with the method that is meant. Never throws.
Opening speak_tus(const Request& head, const std::function<Opening(const std::string& method)>& answer);

}  // namespace server::api
