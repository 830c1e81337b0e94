// SPDX-License-Identifier: Apache-2.0
#pragma once
// POST /v1/kickstart/lint: a kickstart as the body, its findings as the answer, in the form that Accept asks for:
// application/json (default), application/sarif+json, text/plain. ?version= is the syntax level, ?file= the name shown.
#include "server/api/api.hpp"

namespace server::api {

Response lint(const Request& request);

}  // namespace server::api
