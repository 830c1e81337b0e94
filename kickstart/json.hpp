// SPDX-License-Identifier: Apache-2.0
#pragma once
// The canonical JSON form of a parsed kickstart ("kickstart-canonical/1", docs/kickstart.md).
#include <string>
#include <string_view>

#include "kickstart/parser.hpp"

namespace kickstart {

std::string to_json(const ParseResult& result);
std::string json_string(std::string_view text);  // quoted and escaped

}  // namespace kickstart
