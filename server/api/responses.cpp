// SPDX-License-Identifier: Apache-2.0
#include "formats/base/text.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "server/api/error_response.hpp"
#include "server/api/json_text.hpp"
#include "server/api/responses.hpp"

namespace server::api {

Response json_response(unsigned status, const boost::json::value& value) {
    Response response;
    response.status = status;
    response.headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
    response.body = formats::valid_utf8(boost::json::serialize(value)) + "\n";
    return response;
}

Response not_allowed(const std::string& method, const std::string& allowed) {
    Response response = problem(405, method + " is not possible here; " + allowed + " is");
    response.headers.emplace_back("Allow", allowed);
    return response;
}

Response nothing_at(const std::string& path, const std::string& neighbours) {
    return problem(404, "there is nothing at " + path + (neighbours.empty() ? "" : "; there is " + neighbours));
}

std::string query_value(const Request& request, const std::string& name, const std::string& otherwise) {
    for (const auto& [key, value] : request.query)
        if (key == name) return value;
    return otherwise;
}

std::size_t limit_of(const Request& request) {
    const std::string text = query_value(request, "limit");
    if (text.empty()) return page_size;
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > most_per_page)
        throw std::invalid_argument("limit: '" + text + "' is not a number from 1 to " + std::to_string(most_per_page));
    return value;
}

std::string media_type(const Request& request) {
    const auto found = request.headers.find("content-type");
    std::string type = found == request.headers.end() ? "" : found->second.substr(0, found->second.find(';'));
    while (type.ends_with(' ')) type.pop_back();
    std::transform(type.begin(), type.end(), type.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return type;
}

}  // namespace server::api
