// SPDX-License-Identifier: Apache-2.0
#pragma once
// Plain request → response (server/message.hpp), by the table of routes.hpp.
#include <string>
#include <string_view>

#include "server/api/routes.hpp"
#include "server/message.hpp"

namespace server::api {

class Api {
public:
    // `uploads` and `incoming` may be null (routes.hpp).
    Api(const Config& config, catalog::Catalog& catalog, jobs::JobRunner& jobs, const store::Store& store,
        const publish::SigningKey& key, uploads::Uploads* uploads = nullptr, uploads::UploadFolder* incoming = nullptr);

    // All of these: thread-safe, blocking, never throw; what goes wrong becomes application/problem+json.

    // A request with its body, if it has one.
    Response handle(const Request& request);
    // Whether the body is for open(); `target` as it came.
    static bool streams(std::string_view method, std::string_view target);
    // The head of a request with a body. What is wrong with it is said before the body is read.
    Opening open(const Request& head);

private:
    Opening answer(const Address& address, const Request& request, const std::string& method) const;

    images::StoredImages images_;
    const Service service_;
};

}  // namespace server::api
