// SPDX-License-Identifier: Apache-2.0
#include "builders/plan/tree_file.hpp"

namespace builders {

std::string_view to_string(Network network) {
    return network == Network::open ? "open" : network == Network::mirrors ? "mirrors" : "none";
}

}  // namespace builders
