// SPDX-License-Identifier: Apache-2.0
#pragma once
// The way of data, in two halves. produce() (produce.hpp) runs in the worker: disks → files in the job's out/ folder.
// publish_release() runs in the service: store, checksum lists, signatures, release folder, catalog row last.
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "server/catalog/catalog.hpp"
#include "server/store/store.hpp"

namespace server::publish {

struct Product {            // one file made by the worker, complete and synced
    std::string file_name;  // relative to the out folder; final name
    std::string format;     // "xva.xz", "vhd-fixed", "ova.xml"
    std::uint64_t size = 0;
    std::string sha256, md5;
    std::uint64_t image_size = 0;  // of the uncompressed image
    std::string image_sha256, image_md5;
};

// A small text beside the image: <stem>.<format>, complete and synced.
Product write_text(const std::string& text, const char* format, const std::filesystem::path& out,
                   const std::string& file_stem);

// What a worker leaves behind as <job>/result.json.
struct WorkerResult {
    std::string release_name;  // "debian-12-20261121-pvhvm"
    std::string title;
    std::string details;  // JSON object for Release::details
    std::vector<Product> products;
};
// The report beside the images, as JSON and for people, made of result.details; adds its products.
void write_report(WorkerResult& result, const std::filesystem::path& out);
WorkerResult read_result(const std::filesystem::path& file);
void write_result(const WorkerResult& result, const std::filesystem::path& file);

// Everything named, signed and in place; the catalog row, with the job's end, comes last. When the
// release's name is taken, ".2", ".3" … is added after the date. Idempotent after a crash.
catalog::Release publish_release(const WorkerResult& result, catalog::Job job, const std::filesystem::path& job_folder,
                                 const std::filesystem::path& releases_folder, const class SigningKey& key,
                                 store::Store& store, catalog::Catalog& catalog, const std::string& now);

}  // namespace server::publish
