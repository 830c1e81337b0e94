// SPDX-License-Identifier: Apache-2.0
#pragma once
// The one place that reads the wall clock; everything below gets times as arguments.
#include <string>

namespace server {

std::string now_rfc3339();  // "2026-11-21T06:00:00Z"
std::string today();        // "20261121", UTC

}  // namespace server
