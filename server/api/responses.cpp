// SPDX-License-Identifier: Apache-2.0
#include "server/api/responses.hpp"

#include "server/api/error_response.hpp"
#include "server/api/json_text.hpp"

namespace server::api {

Response json_response(unsigned status, const boost::json::value& value) {
    Response response;
    response.status = status;
    response.headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
    response.body = valid_utf8(boost::json::serialize(value)) + "\n";
    return response;
}

Response not_allowed(const std::string& method, const char* allowed) {
    Response response = problem(405, method + " is not possible here; " + allowed + " is");
    response.headers.emplace_back("Allow", allowed);
    return response;
}

bool reads(const Request& request) {
    return request.method == "GET" || request.method == "HEAD";
}

std::string query_value(const Request& request, const std::string& name, const std::string& otherwise) {
    for (const auto& [key, value] : request.query)
        if (key == name) return value;
    return otherwise;
}

}  // namespace server::api
