// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a job knows that nobody needs after its end: the recipe with its passwords, the request with credentials of
// addresses, the plan. They go, from its row as from its folder; the log, the events and the public recipe stay.
// Until its end a restart needs all of them again.
#include <filesystem>

#include "server/catalog/catalog.hpp"

namespace server::jobs {

// True as long as something is there to forget: <job>/request.json goes last.
bool remembers(const std::filesystem::path& job_folder);

// Of a job whose end is in its row. `mend_logs`: log and events were written by a release that did not take secrets
// out of them, or may have been; nobody may be listening. Can be done again. Throws.
void forget(const catalog::Job& job, const std::filesystem::path& job_folder, catalog::Catalog& catalog,
            bool mend_logs);

}  // namespace server::jobs
