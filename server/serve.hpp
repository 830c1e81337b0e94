// SPDX-License-Identifier: Apache-2.0
#pragma once
// The whole service: opens data folder, catalog, store, key and queue, listens, and runs until
// SIGINT or SIGTERM. Prints "listening on http://ADDRESS:PORT" when ready. Returns the exit code.
#include "server/config.hpp"

namespace server {
int serve(const Config& config);
}
