// SPDX-License-Identifier: Apache-2.0
#pragma once
// What every part of the API asks of a request and answers alike. Errors: error_response.hpp.
#include <boost/json.hpp>
#include <cstddef>
#include <string>

#include "server/message.hpp"

namespace server::api {

inline constexpr std::size_t page_size = 50, most_per_page = 500;  // of every list

Response json_response(unsigned status, const boost::json::value& value);
Response not_allowed(const std::string& method, const std::string& allowed);  // 405; `allowed` as in the header Allow
// 404; `neighbours` are addresses that may have been meant.
Response nothing_at(const std::string& path, const std::string& neighbours = {});

// The query's first value of that name, also when it is empty.
std::string query_value(const Request& request, const std::string& name, const std::string& otherwise = {});

// The query's `limit`. Throws std::invalid_argument when it is not a number from 1 to most_per_page.
std::size_t limit_of(const Request& request);
// The body's, in lower case, without parameters; empty when there is none.
std::string media_type(const Request& request);

}  // namespace server::api
