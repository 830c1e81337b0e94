// SPDX-License-Identifier: Apache-2.0
#include "server/api/lint.hpp"

#include "kickstart/lint.hpp"
#include "server/api/error_response.hpp"
#include "server/api/responses.hpp"

namespace server::api {

Response lint(const Call& call) {
    const Request& request = call.request;
    kickstart::LintOptions options;
    options.parse.version = query_value(request, "version");
    for (const auto& [key, value] : request.query)
        if (key != "version" && key != "file")
            return problem(400, "there is no option '" + key.substr(0, 64) + "'; there are version and file");
    kickstart::LintResult result;
    try {
        result = kickstart::lint(request.body, query_value(request, "file", "recipe.ks"), options);
    } catch (const std::invalid_argument& error) {
        return problem(400, error.what());  // a level that does not exist
    }
    const auto accept = request.headers.find("accept");
    const std::string wanted = accept == request.headers.end() ? "" : accept->second;
    Response response;
    const auto answer = [&](const char* type, std::string body) {
        response.headers = {{"Content-Type", type}};
        response.body = std::move(body);
        return response;
    };
    if (wanted.find("application/sarif+json") != std::string::npos)
        return answer("application/sarif+json", kickstart::lint_sarif({result}));
    if (wanted.find("text/plain") != std::string::npos)
        return answer("text/plain; charset=utf-8", kickstart::lint_text(result));
    return answer("application/json", kickstart::lint_json({result}));
}

}  // namespace server::api
