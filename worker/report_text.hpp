// SPDX-License-Identifier: Apache-2.0
#pragma once
// A build's report as text for people: the same facts as its JSON object, in the same order.
#include <string>
#include <string_view>

namespace worker {

// `report` is the JSON object of a release's details: steps {name, seconds}, notes {line, message}, readiness
// {id, passed, message}, packages {name, version, architecture, sha256}, sandbox, mode_advice. Parts that are
// missing are left out. Throws std::exception for what is no JSON object.
std::string report_text(std::string_view title, std::string_view report);

}  // namespace worker
