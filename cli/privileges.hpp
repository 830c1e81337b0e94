// SPDX-License-Identifier: Apache-2.0
#pragma once
// Nothing of xenkiln runs as root. Started by root (a service manager, a container), it becomes an ordinary user for
// good before it does anything.
#include <string>

namespace cli {

// Does nothing for an ordinary user. Sets HOME and USER as well. Throws std::runtime_error naming what is missing.
void become_ordinary_user(const std::string& name);

}  // namespace cli
