// SPDX-License-Identifier: Apache-2.0
#pragma once
// Errors as application/problem+json (RFC 9457). The one place that knows which failure is which status.
#include <boost/json.hpp>
#include <exception>
#include <string>

#include "server/message.hpp"

namespace server::api {

Response problem(unsigned status, const std::string& detail, boost::json::object more = {});
Response problem_of(const std::exception& error);

}  // namespace server::api
