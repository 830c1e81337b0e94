// SPDX-License-Identifier: Apache-2.0
#pragma once
// /v1/uploads…: tus 1.0, plain PUT, and the uploads as JSON. docs/api.md lists the routes.
#include "server/message.hpp"
#include "server/uploads/upload_folder.hpp"

namespace server::api {

class UploadApi {
public:
    explicit UploadApi(uploads::UploadFolder& uploads) : uploads_(uploads) {}

    // Whether these routes answer the path, decoded or as it came.
    static bool answers(std::string_view path);
    // Whether the body is for open(); `target` as it came.
    static bool streams(std::string_view method, std::string_view target);

    // The head of a request with a body. What is wrong with it is said before the body is read.
    Opening open(const Request& head);
    // A request with its body, if it has one.
    Response handle(const Request& request);

private:
    Opening route(const Request& head, const std::string& method);
    Opening create(const Request& head);
    Opening put(const Request& head, const std::string& name);
    Opening patch(const Request& head, const std::string& id);
    Response list(const Request& request, const std::string& method);
    Response one(const std::string& method, const std::string& id);

    uploads::UploadFolder& uploads_;
};

}  // namespace server::api
