// SPDX-License-Identifier: Apache-2.0
#pragma once
// Secrets in scripts, found by what shells are told to do with them: chpasswd, useradd -p, curl -u … A script is code,
// so this is a table of idioms and no proof: it would rather call a harmless line secret than the other way round.
#include <string>
#include <string_view>
#include <vector>

namespace kickstart {

struct ScriptSecret {
    int line = 0;                     // of the body, 0 is the first
    std::string idiom;                // "chpasswd", "curl -u", "a value or token in the text"
    std::vector<std::string> values;  // as far as they can be told from the rest
};
std::vector<ScriptSecret> secrets_of_script(std::string_view body);

}  // namespace kickstart
