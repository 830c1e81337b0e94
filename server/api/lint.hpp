// SPDX-License-Identifier: Apache-2.0
#pragma once
// POST /v1/kickstart/lint: a kickstart as the body, its findings as the answer, in the form that Accept asks for:
// application/json (default), application/sarif+json, text/plain. ?version= is the syntax level, ?file= the name shown.
#include "server/api/routes.hpp"

namespace server::api {

Response lint(const Call& call);

}  // namespace server::api
