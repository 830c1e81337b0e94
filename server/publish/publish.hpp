// SPDX-License-Identifier: Apache-2.0
#pragma once
// The way of data, in two halves. produce() (produce.hpp) runs in the worker: disks → files in the job's out/ folder.
// publish_release() runs in the service: store, checksum lists, signatures, release folder, catalog row last.
#include <filesystem>
#include <string>

#include "server/catalog/catalog.hpp"
#include "server/store/store.hpp"
#include "worker/worker_result.hpp"

namespace server::publish {

// A result is the worker's word (worker_result.hpp): nothing of it is believed that can be known otherwise. It must be
// of what was `asked` for, and its files are opened once, digested here and linked from what was opened
// (worker_file.hpp); what they worker::measure must be what the result says. What nobody can check without unpacking,
// sizes and digests of packed images, is checked in its form, and against the same image's other packings. REQUIRES:
// the job's processes are dead.
//
// Everything named, signed and in place; the catalog row, with the job's end, comes last. When the
// release's name is taken, ".2", ".3" … is added after the date. Idempotent after a crash; what throws leaves neither
// folder nor file behind that the catalog does not speak of.
catalog::Release publish_release(const worker::WorkerResult& result, const worker::Asked& asked, catalog::Job job,
                                 const std::filesystem::path& job_folder, const std::filesystem::path& releases_folder,
                                 const class SigningKey& key, store::Store& store, catalog::Catalog& catalog,
                                 const std::string& now);

}  // namespace server::publish
